using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Cuda;

/// <summary>GPU memory, zeroed on allocation.</summary>
internal sealed class CudaBuffer<T> : DeviceBuffer<T> where T : unmanaged
{
    private readonly CudaDevice owner;
    private readonly CudaMemory.Block block;

    public CudaBuffer(CudaDevice device, CudaMemory.Block block, int length) : base(device, length)
    {
        (owner, this.block) = (device, block);
        View = block.View<T>(length);
        GC.AddMemoryPressure(block.Bytes);
    }

    /// <summary>
    /// The memory, for kernel arguments. The stream runs in order, so the view stays valid after this buffer is released until another is
    /// allocated.
    /// </summary>
    public ArrayView<T> View { get; }

    public override void CopyFrom(ReadOnlySpan<T> source)
    {
        CheckLength(source.Length);
        owner.CopyToDevice(source, View);
        MarkChanged();
    }

    public override void CopyTo(Span<T> destination)
    {
        CheckLength(destination.Length);
        owner.CopyToHost(View, destination);
    }

    private void CheckLength(int length, [CallerMemberName] string caller = "")
    {
        if (length != Length)
            throw new ArgumentException($"{caller}: {length} values for a buffer of {Length}");
    }

    ~CudaBuffer()
    {
        owner.LetGo(block);
        GC.RemoveMemoryPressure(block.Bytes);
    }
}
