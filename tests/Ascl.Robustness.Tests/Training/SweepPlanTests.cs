using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Robustness.Runs;
using Xunit;

namespace Ascl.Robustness.Tests.Training;

public sealed class SweepPlanTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void EveryRunIsCombinedWithEveryPointOfTheGrid()
    {
        SweepPlan plan = Read("""
            {
              "out": "there", "base": {"epochs": 3, "lr": 0.2}, "runs": [{"name": "a", "method": "pgd-at"}, {"method": "ascl", "lr": 0.3}],
              "grid": {"temperature": [0.1, 0.5], "seed": [1, 2]}
            }
            """);
        Assert.Equal("there", plan.Out);
        Assert.Equal(
            ["a-temperature-0.1-seed-1", "a-temperature-0.1-seed-2", "a-temperature-0.5-seed-1", "a-temperature-0.5-seed-2",
                "ascl-temperature-0.1-seed-1", "ascl-temperature-0.1-seed-2", "ascl-temperature-0.5-seed-1", "ascl-temperature-0.5-seed-2"],
            plan.Runs.Select(run => run.Name));
        RunConfig last = plan.Runs[^1].Config;
        Assert.Equal(("ascl", 3, 0.3, 0.5, 2UL, false), (last.Method.Name, last.Training.Epochs, last.Schedule.LearningRate,
            last.Method.Contrastive!.Temperature, last.Training.Seed, last.Run.Twin));
        Assert.Equal(0.2, plan.Runs[0].Config.Schedule.LearningRate);
    }

    [Fact]
    public void AGridOfMethodsNeedsNoNames() =>
        Assert.Equal(["natural-seed-1", "trades-seed-1"],
            Read("""{"grid": {"method": ["natural", "trades"], "seed": [1]}}""").Runs.Select(run => run.Name));

    [Fact]
    public void ValuesBecomeValidFolderNames() =>
        Assert.Equal(["a-data-folder-x-y-milestones-1", "a-data-folder-x-y-milestones-1-2"],
            Read("""
                {
                  "base": {"schedule": "piecewise"}, "runs": [{"name": "a"}],
                  "grid": {"data": ["folder:x/y"], "milestones": [[1], [1, 2]]}
                }
                """).Runs.Select(run => run.Name));

    [Theory]
    [InlineData("""{"grids": {}}""", "unknown key 'grids': did you mean grid?")]
    [InlineData("""{"runs": {}}""", "runs is not a list")]
    [InlineData("""{"runs": [1]}""", "runs[0] is not an object of options")]
    [InlineData("""{"grid": {"seed": 1}}""", "grid: seed is not a list of values")]
    [InlineData("""{"grid": {"seed": []}}""", "grid: seed is an empty list")]
    [InlineData("""{"runs": [{"lr": 0.1}, {"lr": 0.2}]}""", "2 runs are called ascl: give them a \"name\"")]
    [InlineData("""{"runs": [{"name": "a/b"}]}""", "runs[0]: 'a/b' cannot be the name of a folder")]
    [InlineData("""{"runs": [{"name": "a"}, {"out": "x"}]}""", "runs[1]: out is for a single training")]
    [InlineData("""{"runs": [{}, {"epoch": 2}]}""", "runs[1]: unknown key 'epoch': did you mean epochs?")]
    [InlineData("""{"base": {"lr": -1}}""", "runs[0]: lr is -1: must be more than 0")]
    [InlineData("""{"grid": {"name": ["a", "b"]}}""", "grid: name")]
    public void ErrorsNameTheirPlace(string json, string problem)
    {
        string message = Assert.Throws<UserErrorException>(() => Read(json)).Message;
        Assert.StartsWith($"{path}: {problem}", message, StringComparison.Ordinal);
    }

    private SweepPlan Read(string json)
    {
        File.WriteAllText(path, json);
        return SweepPlan.Read(path, (JsonObject options, string where) => RunConfig.Of(options, where));
    }
}
