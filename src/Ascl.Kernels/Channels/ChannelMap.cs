using Ascl.Core.Diagnostics;

namespace Ascl.Kernels.Channels;

/// <summary>A channel of one of several activations; of none if Part is −1.</summary>
internal readonly record struct ChannelSource(int Part, int Channel)
{
    public static readonly ChannelSource None = new(-1, 0);
}

/// <summary>
/// Where the channels of an activation come from: channel i is the sum over the rounds of the channel at [i], in their order. A channel
/// that has no source in any round is zero.
/// </summary>
internal sealed class ChannelMap
{
    private ChannelMap(int channels, List<ChannelSource[]> rounds) => (Channels, Rounds) = (channels, rounds);

    /// <summary>Channels of the result.</summary>
    public int Channels { get; }

    /// <summary>Each of length <see cref="Channels"/>; at least one.</summary>
    public IReadOnlyList<ChannelSource[]> Rounds { get; }

    /// <summary>Channel i of the result is channel <paramref name="channels"/>[i] of the parts', one part after another.</summary>
    /// <param name="sizes">The parts' numbers of channels.</param>
    /// <param name="channels">Indices into the parts' channels.</param>
    /// <exception cref="ShapeException">An index is out of range.</exception>
    public static ChannelMap Of(ReadOnlySpan<int> sizes, ReadOnlySpan<int> channels)
    {
        int all = 0;
        foreach (int size in sizes)
            all += size;
        ChannelSource[] each = new ChannelSource[all], sources = new ChannelSource[channels.Length];
        for (int part = 0, at = 0; part < sizes.Length; part++)
            for (int c = 0; c < sizes[part]; c++)
                each[at++] = new(part, c);
        for (int i = 0; i < channels.Length; i++)
        {
            if ((uint)channels[i] >= all)
                throw new ShapeException($"select_channels: channel {channels[i]} of {all}");
            sources[i] = each[channels[i]];
        }
        return new(channels.Length, [sources]);
    }

    /// <summary>
    /// The gradient's way back to one part: its channel c is the sum of all channels i of the result with
    /// <paramref name="channels"/>[i] = <paramref name="first"/> + c, in the order of i.
    /// </summary>
    /// <param name="channels">As they were selected.</param>
    /// <param name="first">The part's first channel among those of all parts.</param>
    /// <param name="count">Its number of channels.</param>
    public static ChannelMap Back(ReadOnlySpan<int> channels, int first, int count)
    {
        List<ChannelSource[]> rounds = [];
        int[] used = new int[count];
        Add();
        for (int i = 0; i < channels.Length; i++)
        {
            int c = channels[i] - first;
            if ((uint)c >= count)
                continue;
            if (used[c] == rounds.Count)
                Add();
            rounds[used[c]++][c] = new(0, i);
        }
        return new(count, rounds);

        void Add()
        {
            ChannelSource[] round = new ChannelSource[count];
            Array.Fill(round, ChannelSource.None);
            rounds.Add(round);
        }
    }
}
