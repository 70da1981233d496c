using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ascl.Kernels.Linux;

namespace Ascl.Kernels.Devices;

/// <summary>Native memory, zeroed, aligned to a cache line; large ones to huge pages.</summary>
public sealed unsafe class CpuBuffer<T> : DeviceBuffer<T> where T : unmanaged
{
    private const int HugePage = 2 << 20, CacheLine = 64;

    /// <summary>Vector loads of a tail may read this far past the end.</summary>
    private const int Slack = 256;

    private readonly CpuDevice owner;
    private readonly T* memory;

    public CpuBuffer(CpuDevice device, int length) : base(device, length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        nuint bytes = (nuint)length * (nuint)sizeof(T) + Slack;
        bool huge = bytes >= HugePage;
        owner = device;
        memory = (T*)NativeMemory.AlignedAlloc(bytes, huge ? (nuint)HugePage : CacheLine);
        if (huge)
            LinuxMemory.AdviseHugePages(memory, bytes);
        NativeMemory.Clear(memory, bytes);
        GC.AddMemoryPressure((long)bytes);
    }

    /// <summary>The memory, for a kernel: valid until it ends, whether or not anything still refers to this buffer.</summary>
    public T* Pointer
    {
        get
        {
            owner.KeepAlive(this);
            return memory;
        }
    }

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
        NativeMemory.AlignedFree(memory);
        GC.RemoveMemoryPressure(Length * (long)sizeof(T) + Slack);
    }
}
