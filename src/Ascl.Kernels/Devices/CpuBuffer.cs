using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ascl.Kernels.Native;

namespace Ascl.Kernels.Devices;

/// <summary>Native memory, zeroed, aligned to a cache line; large ones to huge pages.</summary>
public sealed unsafe class CpuBuffer<T> : DeviceBuffer<T> where T : unmanaged
{
    private const int HugePage = 2 << 20, CacheLine = 64;

    /// <summary>Vector loads of a tail may read this far past the end.</summary>
    private const int Slack = 256;

    public CpuBuffer(CpuDevice device, int length) : base(device, length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        nuint bytes = (nuint)length * (nuint)sizeof(T) + Slack;
        bool huge = bytes >= HugePage;
        Pointer = (T*)NativeMemory.AlignedAlloc(bytes, huge ? (nuint)HugePage : CacheLine);
        if (huge)
            LinuxMemory.AdviseHugePages(Pointer, bytes);
        NativeMemory.Clear(Pointer, bytes);
        GC.AddMemoryPressure((long)bytes);
    }

    public T* Pointer { get; }
    public Span<T> Span => new(Pointer, Length);

    public override void CopyFrom(ReadOnlySpan<T> source)
    {
        CheckLength(source.Length);
        source.CopyTo(Span);
        MarkChanged();
    }

    public override void CopyTo(Span<T> destination)
    {
        CheckLength(destination.Length);
        Span.CopyTo(destination);
    }

    private void CheckLength(int length, [CallerMemberName] string caller = "")
    {
        if (length != Length)
            throw new ArgumentException($"{caller}: {length} values for a buffer of {Length}");
    }

    ~CpuBuffer()
    {
        NativeMemory.AlignedFree(Pointer);
        GC.RemoveMemoryPressure(Length * (long)sizeof(T) + Slack);
    }
}
