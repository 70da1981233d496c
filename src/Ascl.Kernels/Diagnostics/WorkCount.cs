namespace Ascl.Kernels.Diagnostics;

/// <summary>What this thread has computed so far, as CPU time counts what it has used: the difference of two readings is the work between them. What pieces of work
/// on other threads computed is added to the thread that gave them out.</summary>
public static class WorkCount
{
    [ThreadStatic] private static WorkReading now;

    /// <summary>Floating-point operations of the kernels' plain definitions; a fast algorithm may need fewer.</summary>
    public static double Flop
    {
        get => now.Flop;
        internal set => now = now with { Flop = value };
    }

    /// <summary>Images that a network was run on.</summary>
    public static long ForwardImages
    {
        get => now.ForwardImages;
        set => now = now with { ForwardImages = value };
    }

    /// <summary>Images whose pass was gone back through for a gradient, of the image or of the weights.</summary>
    public static long BackwardImages
    {
        get => now.BackwardImages;
        set => now = now with { BackwardImages = value };
    }

    internal static WorkReading Now
    {
        get => now;
        set => now = value;
    }
}

/// <summary>A reading of <see cref="WorkCount"/>, or a difference of two.</summary>
internal readonly record struct WorkReading(double Flop, long ForwardImages, long BackwardImages)
{
    public static WorkReading operator -(WorkReading a, WorkReading b) => new(a.Flop - b.Flop, a.ForwardImages - b.ForwardImages, a.BackwardImages - b.BackwardImages);

    /// <summary>What <paramref name="work"/> computes, without counting it.</summary>
    public static WorkReading Of(Action work)
    {
        WorkReading before = WorkCount.Now;
        try
        {
            work();
            return WorkCount.Now - before;
        }
        finally
        {
            WorkCount.Now = before;
        }
    }

    /// <summary>Counts that work.</summary>
    public void Add() => WorkCount.Now = new(WorkCount.Flop + Flop, WorkCount.ForwardImages + ForwardImages, WorkCount.BackwardImages + BackwardImages);
}
