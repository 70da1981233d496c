using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;

namespace Ascl.Robustness.Runs;

/// <summary>The images that weights are tested on: by default the test images of the run that trained them.</summary>
public sealed class TestImages
{
    private readonly RunFolder? owner;

    private TestImages(string source, DataOptions reading, RunFolder? owner) =>
        (Source, Reading, this.owner) = (source, reading, owner);

    /// <summary>The data set, as <see cref="DataSource.Open"/> takes it.</summary>
    public string Source { get; }

    /// <summary>How to read it.</summary>
    public DataOptions Reading { get; }

    /// <summary>The images to test weights on.</summary>
    /// <param name="run">The run that trained the weights; null if unknown.</param>
    /// <param name="source">Another data set; null for the run's own.</param>
    /// <param name="given">Values of <see cref="DataOptions"/> by name; what is not given is as in the run, but a test share applies only
    /// to the run's own images.</param>
    /// <param name="where">Where the values come from, for messages.</param>
    /// <exception cref="UserErrorException">No data set is known, or images that the run was trained on would become test
    /// images.</exception>
    public static TestImages Of(RunFolder? run, string? source, JsonObject given, string where)
    {
        DataSettings? own = run?.Config.Data;
        RunFolder? owner = own is not null && (source is null || DataSource.AreSame(source, own.Source)) ? run : null;
        DataOptions usual = (own?.Reading ?? new()) with { TestShare = owner is null ? null : own!.Reading.TestShare };
        DataOptions reading = SettingTree.Read(usual, given, where);
        bool isSplit = own?.Reading.TestShare is not null || reading.TestShare is not null;
        if (owner is not null && isSplit && reading != own!.Reading)
            throw new UserErrorException($"{where}: --test-share, --resize and --crop would put images that the run was trained on "
                + "into the test part: " + (own.Reading.TestShare is null
                    ? "it was trained on all of these images"
                    : "the run split its test part off these images itself"));
        return new(source ?? own?.Source ?? throw new UserErrorException($"{where}: the weights do not belong to a run, so there are no "
            + "test images by default: name some with --data"), reading, owner);
    }

    /// <summary>Differences to the test images of the run's own report, a line each; none for images that are not the run's.</summary>
    /// <param name="data">The data set, opened.</param>
    /// <param name="limit">How many of the test images are used; null for all.</param>
    /// <exception cref="UserErrorException">The images have changed since the run, so that it may have been trained on some.</exception>
    public IEnumerable<string> Differences(DataSet data, int? limit)
    {
        if (owner is null)
            yield break;
        if (Reading == owner.Config.Data.Reading && owner.ImageChangeNote(data) is { } changed)
            yield return changed;
        if (limit is null && owner.Config.Data.LimitTest is { } reported && reported < data.Test.Count)
            yield return $"the report of the run is on its first {reported} test images; this evaluation uses all {data.Test.Count} "
                + $"(--limit {reported} for the same images)";
    }
}
