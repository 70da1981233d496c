using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ascl.Kernels.Linux;

namespace Ascl.Kernels.Devices;

/// <summary>Native memory, zeroed and aligned to a cache line; large buffers to a huge page.</summary>
public sealed unsafe class CpuBuffer<T> : DeviceBuffer<T> where T : unmanaged
{
    private const int HugePage = 2 << 20, CacheLine = 64;

    /// <summary>Readable bytes past the end, for vector loads of a tail.</summary>
    private const int Slack = 256;

    private readonly CpuDevice owner;
    private readonly void* allocation;
    private readonly T* memory;

    /// <summary>Allocates <paramref name="length"/> zeroed elements.</summary>
    public CpuBuffer(CpuDevice device, int length) : base(device, length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        nuint bytes = (nuint)length * (nuint)sizeof(T) + Slack;
        bool huge = bytes >= HugePage;
        nuint alignment = huge ? (nuint)HugePage : CacheLine;
        owner = device;
        // Zeroed by calloc: fresh pages come zeroed from the system, and are touched first by the threads that use them.
        allocation = NativeMemory.AllocZeroed(bytes + alignment - 1);
        memory = (T*)(((nuint)allocation + alignment - 1) & ~(alignment - 1));
        if (huge)
            LinuxMemory.AdviseHugePages(memory, bytes);
        GC.AddMemoryPressure((long)bytes);
    }

    /// <summary>
    /// The memory, for a kernel: valid until the kernel ends, even if this buffer becomes unreachable. What is written through it is not
    /// noticed: the kernel's call marks the buffers that it writes (<see cref="DeviceBuffer{T}.MarkChanged"/>).
    /// </summary>
    public T* Pointer
    {
        get
        {
            owner.KeepAlive(this);
            return memory;
        }
    }

    /// <summary>The elements, for writing: marks the buffer as changed.</summary>
    public Span<T> Span
    {
        get
        {
            MarkChanged();
            return new(Pointer, Length);
        }
    }

    /// <summary>The elements, for reading.</summary>
    public ReadOnlySpan<T> ReadSpan => new(Pointer, Length);

    /// <inheritdoc/>
    public override void CopyFrom(ReadOnlySpan<T> source)
    {
        CheckLength(source.Length);
        source.CopyTo(Span);
    }

    /// <inheritdoc/>
    public override void CopyTo(Span<T> destination)
    {
        CheckLength(destination.Length);
        ReadSpan.CopyTo(destination);
    }

    private void CheckLength(int length, [CallerMemberName] string caller = "")
    {
        if (length != Length)
            throw new ArgumentException($"{caller}: {length} values for a buffer of {Length}");
    }

    /// <summary>Frees the memory.</summary>
    ~CpuBuffer()
    {
        NativeMemory.Free(allocation);
        GC.RemoveMemoryPressure(Length * (long)sizeof(T) + Slack);
    }
}
