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
