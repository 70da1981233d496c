namespace Ascl.Kernels.Diagnostics;

/// <summary>
/// Counters of the work this thread has done so far; the difference of two readings is the work between them. The work of pieces that ran
/// on other threads (<see cref="Devices.Device.Independently"/>) is added to the thread that started them.
/// </summary>
public static class WorkCount
{
    [ThreadStatic] private static WorkReading now;

    /// <summary>Floating-point operations of the kernels' plain definitions; a fast algorithm may need fewer.</summary>
    public static double Flop
    {
        get => now.Flop;
        internal set => now = now with { Flop = value };
    }

    /// <summary>Images in forward passes of a network.</summary>
    public static long ForwardImages
    {
        get => now.ForwardImages;
        set => now = now with { ForwardImages = value };
    }

    /// <summary>Images in backward passes of a network, for gradients of images or weights.</summary>
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
    public static WorkReading operator -(WorkReading a, WorkReading b) =>
        new(a.Flop - b.Flop, a.ForwardImages - b.ForwardImages, a.BackwardImages - b.BackwardImages);

    /// <summary>Runs <paramref name="work"/> and returns its counts, leaving this thread's counters unchanged.</summary>
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

    /// <summary>Adds this reading to the thread's counters.</summary>
    public void Add() =>
        WorkCount.Now = new(WorkCount.Flop + Flop, WorkCount.ForwardImages + ForwardImages, WorkCount.BackwardImages + BackwardImages);
}
