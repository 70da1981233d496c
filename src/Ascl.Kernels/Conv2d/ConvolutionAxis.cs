namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Rows or columns of a convolution: output pixel o reads input pixel o·Stride + tap·Dilation − Padding. The input's pixels fall into
/// Stride phases (position modulo Stride); those of a phase are reached by the same taps, from neighbouring output pixels.
/// </summary>
/// <param name="Input">Pixels of the input.</param>
/// <param name="Output">Pixels of the output.</param>
/// <param name="Taps">Taps of the kernel.</param>
/// <param name="Stride">Input pixels between output pixels.</param>
/// <param name="Padding">Zero pixels before the first.</param>
/// <param name="Dilation">Input pixels between taps.</param>
internal readonly record struct ConvolutionAxis(int Input, int Output, int Taps, int Stride, int Padding, int Dilation)
{
    /// <summary>Phases that have pixels.</summary>
    public int Phases => Math.Min(Stride, Input);

    /// <summary>Input pixels of a phase.</summary>
    public int PixelsOfPhase(int phase) => (Input - phase + Stride - 1) / Stride;

    /// <summary>The taps that connect input pixels of a phase to output pixels: every (Stride/gcd(Stride, Dilation))-th, or none.</summary>
    public int[] TapsOfPhase(int phase)
    {
        var (stride, padding, dilation) = (Stride, Padding, Dilation);
        return [.. Enumerable.Range(0, Taps).Where(tap => (phase + padding - tap * dilation) % stride == 0)];
    }

    /// <summary>The output pixel that a tap of a phase connects with the phase's first input pixel.</summary>
    public int OutputOf(int phase, int tap) => (phase + Padding - tap * Dilation) / Stride;

    /// <summary>How far outside the input its taps reach.</summary>
    public int InputReach => Math.Max(Padding, (Output - 1) * Stride + (Taps - 1) * Dilation - Padding - (Input - 1));

    /// <summary>How far outside the output the input's gradient reads.</summary>
    public int GradientReach
    {
        get
        {
            int reach = 0;
            for (int phase = 0; phase < Phases; phase++)
                foreach (int tap in TapsOfPhase(phase))
                {
                    int first = OutputOf(phase, tap), last = first + (Input - 1 - phase) / Stride;
                    reach = Math.Max(reach, Math.Max(-first, last - (Output - 1)));
                }
            return reach;
        }
    }
}
