namespace Ascl.Kernels.Devices;

/// <summary>How convolutions and matrix products round what they multiply. Sums, and all values in memory, are float32 in any case.</summary>
public enum Precision
{
    /// <summary>Not at all.</summary>
    Float32,

    /// <summary>To 10 bits of mantissa, on a GPU's tensor cores.</summary>
    Tf32,

    /// <summary>To 7 bits of mantissa, on a GPU's tensor cores.</summary>
    Bf16,
}
