using System.Collections.Concurrent;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Cuda;

/// <summary>
/// A GPU's memory in slabs, cut into blocks that begin at multiples of 256 bytes, as 16-byte loads need. Asking the driver for each buffer would
/// cost more than most kernels. A block that is let go may be cut again at once: everything runs in one stream, in order.
/// </summary>
/// <param name="accelerator">Whose memory.</param>
/// <param name="slabBytes">What the driver is asked for at a time, at least.</param>
internal sealed class CudaMemory(Accelerator accelerator, long slabBytes) : IDisposable
{
    private const int Alignment = 256;

    private readonly List<Slab> slabs = [];

    /// <summary>Filled by the thread that finalizes buffers; emptied by the one that drives the device.</summary>
    private readonly ConcurrentQueue<Block> letGo = [];

    /// <summary>All bytes asked of the driver.</summary>
    public long SlabBytes => slabs.Sum(slab => slab.Memory.LengthInBytes);

    /// <exception cref="OutOfMemoryException">There is no such block, neither free nor from the driver.</exception>
    public Block Rent(long bytes)
    {
        bytes = Math.Max(1, (bytes + Alignment - 1) / Alignment) * Alignment;
        if (Find(bytes) is { } found)
            return found;
        // Buffers that nobody refers to any more are let go by the garbage collector, which does not see how little memory is left here.
        if (slabs.Count > 0)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            if (Find(bytes) is { } collected)
                return collected;
        }
        Slab slab = new(Ask(Math.Max(bytes, slabBytes)));
        slabs.Add(slab);
        return slab.Cut(bytes)!;
    }

    /// <summary>May be called from any thread.</summary>
    public void LetGo(Block block) => letGo.Enqueue(block);

    private Block? Find(long bytes)
    {
        while (letGo.TryDequeue(out Block? block))
            block.Slab.Join(block);
        foreach (Slab slab in slabs)
            if (slab.Cut(bytes) is { } block)
                return block;
        return null;
    }

    private MemoryBuffer1D<byte, Stride1D.Dense> Ask(long bytes)
    {
        try
        {
            return accelerator.Allocate1D<byte>(bytes);
        }
        catch (AcceleratorException e)
        {
            throw new OutOfMemoryException($"{bytes >> 20} MiB more were needed, {SlabBytes >> 20} MiB are in use", e);
        }
    }

    public void Dispose()
    {
        foreach (Slab slab in slabs)
            slab.Memory.Dispose();
        slabs.Clear();
    }

    internal sealed record Block(Slab Slab, long Start, long Bytes)
    {
        /// <summary>Its first <paramref name="length"/> values.</summary>
        public ArrayView<T> View<T>(int length) where T : unmanaged => Slab.Memory.View.BaseView.SubView(Start, Bytes).Cast<T>().SubView(0, length);
    }

    internal sealed class Slab(MemoryBuffer1D<byte, Stride1D.Dense> memory)
    {
        /// <summary>Free bytes by their start.</summary>
        private readonly SortedList<long, long> free = new() { [0] = memory.LengthInBytes };

        public MemoryBuffer1D<byte, Stride1D.Dense> Memory { get; } = memory;

        /// <summary>From the first gap that is large enough, so that the same requests in the same order get the same places.</summary>
        public Block? Cut(long bytes)
        {
            for (int i = 0; i < free.Count; i++)
            {
                var (start, gap) = (free.GetKeyAtIndex(i), free.GetValueAtIndex(i));
                if (gap < bytes)
                    continue;
                free.RemoveAt(i);
                if (gap > bytes)
                    free[start + bytes] = gap - bytes;
                return new(this, start, bytes);
            }
            return null;
        }

        public void Join(Block block)
        {
            free[block.Start] = block.Bytes;
            int at = free.IndexOfKey(block.Start);
            if (at + 1 < free.Count && block.Start + block.Bytes == free.GetKeyAtIndex(at + 1))
            {
                free[block.Start] = block.Bytes + free.GetValueAtIndex(at + 1);
                free.RemoveAt(at + 1);
            }
            if (at > 0 && free.GetKeyAtIndex(at - 1) + free.GetValueAtIndex(at - 1) == block.Start)
            {
                free[free.GetKeyAtIndex(at - 1)] += free[block.Start];
                free.RemoveAt(at);
            }
        }
    }
}
