namespace Ascl.Kernels.Channels;

/// <summary>Channels of one part that are equally far apart in the part and in the result; zeros if Part is −1.</summary>
/// <param name="Part">The part.</param>
/// <param name="Count">Channels.</param>
/// <param name="FirstSource">The first in the part.</param>
/// <param name="SourceStep">From one to the next there.</param>
/// <param name="FirstTarget">The first in the result.</param>
/// <param name="TargetStep">From one to the next there.</param>
/// <param name="Adds">Whether they are added to what is in the result.</param>
internal readonly record struct ChannelRun(
    int Part, int Count, int FirstSource, int SourceStep, int FirstTarget, int TargetStep, bool Adds)
{
    /// <summary>The runs of a map, in the order in which they are to be done.</summary>
    /// <param name="map">The map.</param>
    /// <param name="padded">The result's channels, with padding channels.</param>
    public static List<ChannelRun> Of(ChannelMap map, int padded)
    {
        List<ChannelRun> runs = [];
        for (int round = 0; round < map.Rounds.Count; round++)
            AddRuns(runs, map.Rounds[round], round > 0);
        ChannelSource[] first = map.Rounds[0];
        for (int c = 0, from = 0; c <= padded; c++)
        {
            if (c < padded && (c >= first.Length || first[c].Part < 0))
                continue;
            if (c > from)
                runs.Add(new(-1, c - from, 0, 0, from, 1, false));
            from = c + 1;
        }
        return runs;
    }

    private static void AddRuns(List<ChannelRun> runs, ChannelSource[] sources, bool adds)
    {
        // Where a channel goes next, for runs of consecutive channels of a part that are spread over the result, such as a shuffle's.
        Dictionary<ChannelSource, List<int>> targets = [];
        for (int c = 0; c < sources.Length; c++)
            if (sources[c].Part >= 0)
                (targets.TryGetValue(sources[c], out List<int>? known) ? known : targets[sources[c]] = []).Add(c);
        bool[] done = new bool[sources.Length];
        for (int c = 0; c < sources.Length; c++)
        {
            if (done[c] || sources[c].Part < 0)
                continue;
            // The longest run that begins here, among those with the next channel of the result and with the next of the part.
            ChannelRun longest = Run(c, 1, c + 1 < sources.Length ? sources[c + 1].Channel - sources[c].Channel : 0);
            if (targets.TryGetValue(sources[c] with { Channel = sources[c].Channel + 1 }, out List<int>? nexts))
                foreach (int next in nexts)
                    if (next > c && Run(c, next - c, 1) is var run && run.Count > longest.Count)
                        longest = run;
            runs.Add(longest);
            for (int i = 0; i < longest.Count; i++)
                done[c + i * longest.TargetStep] = true;
        }

        ChannelRun Run(int c, int targetStep, int sourceStep)
        {
            int count = 1;
            for (int at = c + targetStep; at < sources.Length && !done[at]
                && sources[at] == sources[c] with { Channel = sources[c].Channel + count * sourceStep }; at += targetStep)
                count++;
            return new(sources[c].Part, count, sources[c].Channel, sourceStep, c, targetStep, adds);
        }
    }
}
