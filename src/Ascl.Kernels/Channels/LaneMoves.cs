using System.Runtime.InteropServices;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Channels;

/// <summary>
/// A <see cref="ChannelMap"/> in steps of whole vectors: for each channel block of the result the blocks that it takes lanes from, and
/// which lane goes where.
/// </summary>
internal sealed class LaneMoves
{
    private readonly List<(int Part, int Block)> sources = [];
    private readonly List<int> lanes = [], masks = [];
    private readonly int[] firsts;
    private readonly bool[] copies;

    public LaneMoves(ChannelMap map, IReadOnlyList<ActivationPart> parts, int width)
    {
        Width = width;
        int blocks = (map.Channels + width - 1) / width;
        (firsts, copies) = (new int[blocks + 1], new bool[blocks]);
        for (int block = 0; block < blocks; block++)
        {
            firsts[block] = sources.Count;
            foreach (ChannelSource[] round in map.Rounds)
                AddRound(round, block * width);
            firsts[block + 1] = sources.Count;
            copies[block] = IsCopy(block, parts);
        }
        (Sources, Lanes, Masks) = ([.. sources], [.. lanes], [.. masks]);
    }

    /// <summary>Lanes of a vector.</summary>
    public int Width { get; }

    /// <summary>The part and its block that a step reads.</summary>
    public (int Part, int Block)[] Sources { get; }

    /// <summary>For each step and lane of the result the source's lane, and all bits set where the step has one.</summary>
    public int[] Lanes { get; }
    public int[] Masks { get; }

    /// <summary>The steps of a block of the result, whose results are added.</summary>
    public (int First, int Count) Steps(int block) => (firsts[block], firsts[block + 1] - firsts[block]);

    /// <summary>Whether a block of the result is a block of a part.</summary>
    public bool Copies(int block) => copies[block];

    private void AddRound(ChannelSource[] round, int channel)
    {
        int begin = sources.Count;
        for (int lane = 0; lane < Width && channel + lane < round.Length; lane++)
        {
            ChannelSource source = round[channel + lane];
            if (source.Part < 0)
                continue;
            (int, int) from = (source.Part, source.Channel / Width);
            // Most lanes come from the block of the lane before.
            int step = sources.Count - 1;
            while (step >= begin && sources[step] != from)
                step--;
            if (step < begin)
            {
                step = sources.Count;
                sources.Add(from);
                CollectionsMarshal.SetCount(lanes, lanes.Count + Width);
                CollectionsMarshal.SetCount(masks, masks.Count + Width);
                CollectionsMarshal.AsSpan(lanes)[^Width..].Clear();
                CollectionsMarshal.AsSpan(masks)[^Width..].Clear();
            }
            lanes[step * Width + lane] = source.Channel % Width;
            masks[step * Width + lane] = -1;
        }
    }

    /// <summary>One step in which each lane stays, or is a padding channel of the source where the result has none.</summary>
    private bool IsCopy(int block, IReadOnlyList<ActivationPart> parts)
    {
        var (step, count) = Steps(block);
        if (count != 1)
            return false;
        var (part, source) = sources[step];
        for (int lane = 0; lane < Width; lane++)
            if (masks[step * Width + lane] != 0 ? lanes[step * Width + lane] != lane : source * Width + lane < parts[part].Layout.C)
                return false;
        return true;
    }
}
