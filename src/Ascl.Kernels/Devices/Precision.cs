namespace Ascl.Kernels.Devices;

/// <summary>
/// The precision to which convolutions and matrix products round their factors. Sums and values in memory are always float32.
/// </summary>
public enum Precision
{
    /// <summary>No rounding.</summary>
    Float32,

    /// <summary>10 mantissa bits, on a GPU's tensor cores.</summary>
    Tf32,

    /// <summary>7 mantissa bits, on a GPU's tensor cores.</summary>
    Bf16,
}
