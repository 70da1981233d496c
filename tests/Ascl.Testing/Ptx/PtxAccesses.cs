using System.Runtime.InteropServices;

namespace Ascl.Testing.Ptx;

/// <summary>
/// What each word of memory was last read and written by in a launch. Accesses outside the buffers of the arguments are found, and races:
/// two accesses to a word, one of them a write, by different blocks, or by different warps of a block with no barrier between them. Two
/// writes of the same value are none.
/// </summary>
/// <param name="kernel">For messages.</param>
/// <param name="buffers">First address and end of each buffer; null where they are not known.</param>
internal sealed class PtxAccesses(PtxKernel kernel, (ulong Begin, ulong End)[]? buffers)
{
    private const int Word = 4;

    /// <summary>Blocks count from 1; 0 stands for none.</summary>
    private struct Access
    {
        public int WriteBlock, WriteInterval, WriteThread, ReadBlock, ReadInterval, ReadThread;
        public bool ReadByBlocks, ReadByWarps;
    }

    private readonly (ulong Begin, ulong End, Access[] Words)[] global =
    [
        .. Merged(buffers ?? []).Select(range => (range.Begin, range.End, new Access[(range.End - range.Begin + Word - 1) / Word])),
    ];

    private readonly Dictionary<ulong, Access> elsewhere = [];
    private readonly Access[] shared = new Access[(kernel.SharedBytes + Word - 1) / Word];

    /// <summary>The bytes at an address.</summary>
    /// <exception cref="PtxException">They are not all of one buffer, or outside of shared memory.</exception>
    public unsafe Span<byte> Memory(bool isShared, ulong address, int bytes, PtxWarp warp, int lane, string text)
    {
        if (isShared)
        {
            return Holds(0, (ulong)kernel.SharedBytes)
                ? warp.Block.Shared.AsSpan((int)address, bytes)
                : throw Wrong(warp, lane, text, $"an address outside the {kernel.SharedBytes} bytes of shared memory");
        }
        if (buffers is null)
            return new((void*)address, bytes);
        foreach (var (begin, end) in buffers)
            if (Holds(begin, end))
                return new((void*)address, bytes);
        throw Wrong(warp, lane, text, "an address outside the buffers");

        // Of an address below 0 the end would wrap round.
        bool Holds(ulong begin, ulong end) => address >= begin && address < end && (ulong)bytes <= end - address;
    }

    /// <summary>Takes down an access.</summary>
    /// <param name="isSame">Whether a write leaves the value that is there.</param>
    /// <exception cref="PtxException">It is a race.</exception>
    public void Note(bool isShared, ulong address, int bytes, bool isWrite, bool isSame, PtxWarp warp, int lane, string text)
    {
        // Of parts of a word it is not known who wrote which.
        if (bytes < Word)
            return;
        if (buffers is null && !isShared)
        {
            for (ulong word = address / Word; word < (address + (ulong)bytes) / Word; word++)
                Note(ref CollectionsMarshal.GetValueRefOrAddDefault(elsewhere, word, out _), isWrite, isSame, warp, lane, text);
            return;
        }
        var (begin, words) = isShared ? (0, shared) : Range(address);
        for (ulong word = (address - begin) / Word; word < (address + (ulong)bytes - begin) / Word; word++)
        {
            // What another block left in shared memory is gone.
            if (isShared && words[word].WriteBlock != warp.Block.Number + 1 && words[word].ReadBlock != warp.Block.Number + 1)
                words[word] = default;
            Note(ref words[word], isWrite, isSame, warp, lane, text);
        }
    }

    private (ulong Begin, Access[] Words) Range(ulong address)
    {
        foreach (var (begin, end, words) in global)
            if (address >= begin && address < end)
                return (begin, words);
        throw new InvalidOperationException("no such buffer");
    }

    private void Note(ref Access word, bool isWrite, bool isSame, PtxWarp warp, int lane, string text)
    {
        int block = warp.Block.Number + 1, interval = warp.Block.Interval, thread = warp.Index * PtxWarp.Lanes + lane;
        bool writtenBefore = word.WriteBlock != 0
            && (word.WriteBlock != block || (word.WriteInterval == interval && word.WriteThread / PtxWarp.Lanes != warp.Index));
        if (writtenBefore && !(isWrite && isSame))
            throw Wrong(warp, lane, text, $"a race: written by thread {word.WriteThread} of block {word.WriteBlock - 1}");
        if (isWrite)
        {
            bool readByOthers = word.ReadBlock != 0
                && (word.ReadByBlocks || word.ReadBlock != block
                    || (word.ReadInterval == interval && (word.ReadByWarps || word.ReadThread / PtxWarp.Lanes != warp.Index)));
            if (readByOthers && !isSame)
                throw Wrong(warp, lane, text, $"a race: read by thread {word.ReadThread} of block {word.ReadBlock - 1}");
            (word.WriteBlock, word.WriteInterval, word.WriteThread) = (block, interval, thread);
            return;
        }
        word.ReadByBlocks |= word.ReadBlock != 0 && word.ReadBlock != block;
        word.ReadByWarps = word.ReadBlock == block && word.ReadInterval == interval
            && (word.ReadByWarps || word.ReadThread / PtxWarp.Lanes != warp.Index);
        (word.ReadBlock, word.ReadInterval, word.ReadThread) = (block, interval, thread);
    }

    private PtxException Wrong(PtxWarp warp, int lane, string text, string what) =>
        new($"{kernel.Name}, block {warp.Block.Number}, thread {warp.Index * PtxWarp.Lanes + lane}: {what}: {text}");

    private static List<(ulong Begin, ulong End)> Merged((ulong Begin, ulong End)[] buffers)
    {
        List<(ulong Begin, ulong End)> merged = [];
        foreach (var (begin, end) in buffers.Order())
        {
            if (merged.Count > 0 && begin < merged[^1].End)
                merged[^1] = (merged[^1].Begin, Math.Max(merged[^1].End, end));
            else
                merged.Add((begin, end));
        }
        return merged;
    }
}
