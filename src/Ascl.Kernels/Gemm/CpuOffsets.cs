using System.Runtime.InteropServices;

namespace Ascl.Kernels.Gemm;

/// <summary>A list of offsets at a fixed address, for the microkernels.</summary>
internal sealed unsafe class CpuOffsets(int count) : IDisposable
{
    public CpuOffsets(ReadOnlySpan<nint> offsets) : this(offsets.Length) => offsets.CopyTo(new Span<nint>(Pointer, offsets.Length));

    public nint* Pointer { get; } = (nint*)NativeMemory.Alloc((nuint)Math.Max(count, 1), (nuint)sizeof(nint));

    public nint this[int index]
    {
        set => Pointer[index] = value;
    }

    public void Dispose() => NativeMemory.Free(Pointer);
}
