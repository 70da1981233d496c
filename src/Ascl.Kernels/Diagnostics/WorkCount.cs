namespace Ascl.Kernels.Diagnostics;

/// <summary>What the process has computed so far, as CPU time counts what it has used: the difference of two readings is the work between them.
/// Written by the thread that calls kernels, read by the same.</summary>
public static class WorkCount
{
    /// <summary>Floating-point operations of the kernels' plain definitions; a fast algorithm may need fewer.</summary>
    public static double Flop { get; internal set; }

    /// <summary>Images that a network was run on.</summary>
    public static long ForwardImages { get; set; }

    /// <summary>Images whose pass was gone back through for a gradient, of the image or of the weights.</summary>
    public static long BackwardImages { get; set; }
}

/// <summary>A reading of <see cref="WorkCount"/>, or a difference of two.</summary>
internal readonly record struct WorkReading(double Flop, long ForwardImages, long BackwardImages)
{
    public static WorkReading Now => new(WorkCount.Flop, WorkCount.ForwardImages, WorkCount.BackwardImages);

    public static WorkReading operator -(WorkReading a, WorkReading b) => new(a.Flop - b.Flop, a.ForwardImages - b.ForwardImages, a.BackwardImages - b.BackwardImages);

    /// <summary>Sets the counts to it: what came after is not to count.</summary>
    public void Restore() => (WorkCount.Flop, WorkCount.ForwardImages, WorkCount.BackwardImages) = (Flop, ForwardImages, BackwardImages);

    /// <summary>Counts that work once more.</summary>
    public void Add()
    {
        WorkCount.Flop += Flop;
        WorkCount.ForwardImages += ForwardImages;
        WorkCount.BackwardImages += BackwardImages;
    }
}
