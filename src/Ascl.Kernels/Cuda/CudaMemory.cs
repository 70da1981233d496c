using System.Collections.Concurrent;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Cuda;

/// <summary>
/// A suballocator: cuts slabs of GPU memory into blocks at multiples of 256 bytes, because an allocation by the driver costs more than most
/// kernels. A released block may be reused at once, since everything runs in order in one stream.
/// </summary>
/// <param name="accelerator">The GPU.</param>
/// <param name="slabBytes">Minimum size of a slab.</param>
internal sealed class CudaMemory(Accelerator accelerator, long slabBytes) : IDisposable
{
    private const int Alignment = 256;

    private readonly List<Slab> slabs = [];

    /// <summary>Blocks to free: filled by the finalizer thread, emptied by the thread that drives the device.</summary>
    private readonly ConcurrentQueue<Block> letGo = [];

    /// <summary>Bytes allocated by the driver.</summary>
    public long SlabBytes => slabs.Sum(slab => slab.Memory.LengthInBytes);

    /// <exception cref="OutOfMemoryException">No free block is large enough, and the driver has no more memory.</exception>
    public Block Rent(long bytes)
    {
        bytes = Math.Max(1, (bytes + Alignment - 1) / Alignment) * Alignment;
        if (Find(bytes) is { } found)
            return found;
        // Unreachable buffers are released by the garbage collector, which does not know how little GPU memory is left.
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

    /// <summary>Releases a block; thread-safe.</summary>
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
        public ArrayView<T> View<T>(int length) where T : unmanaged =>
            Slab.Memory.View.BaseView.SubView(Start, Bytes).Cast<T>().SubView(0, length);
    }

    internal sealed class Slab(MemoryBuffer1D<byte, Stride1D.Dense> memory)
    {
        /// <summary>Sizes of the free gaps by offset.</summary>
        private readonly SortedList<long, long> free = new() { [0] = memory.LengthInBytes };

        public MemoryBuffer1D<byte, Stride1D.Dense> Memory { get; } = memory;

        /// <summary>First fit, so that the same requests in the same order get the same addresses.</summary>
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
