using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class RunConfigTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void RoundTripsThroughItsFile()
    {
        JsonObject given = new()
        {
            ["schedule"] = "piecewise",
            ["milestones"] = new JsonArray(2, 3),
            ["epsilon"] = 0.1,
            ["seed"] = ulong.MaxValue,
        };
        RunConfig run = RunConfig.Of(given, "test");
        run.Save(path);
        RunConfig read = RunConfig.OfRun(path);
        Assert.Equal(((PiecewiseSchedule)run.Schedule).Milestones, ((PiecewiseSchedule)read.Schedule).Milestones);
        Assert.Equal(run.ToJson().ToJsonString(), read.ToJson().ToJsonString());
        Assert.Equal((0.1, 0.025), (read.Attack.Epsilon, read.Attack.StepSize));
        Assert.Equal(8 / 255.0, RunConfig.Of([], "test").Attack.Epsilon);
    }

    [Theory]
    [InlineData("""{"epoch": 3}""", "unknown key 'epoch': did you mean epochs?")]
    [InlineData("""{"Epochs": 3}""", "unknown key 'Epochs': did you mean epochs?")]
    [InlineData("""{"epochs": "3"}""", "epochs is \"3\": not a value of the right type")]
    [InlineData("""{"epochs": 1e12}""", "epochs is 1e12: not a value of the right type")]
    [InlineData("""{"milestones": [1, "x"]}""", "milestones is [1,\"x\"]: not a value of the right type")]
    [InlineData("""{"epochs": 0}""", "epochs is 0: must be at least 1")]
    [InlineData("""{"batch": -1}""", "batch is -1: must be at least 1")]
    [InlineData("""{"attack-steps": 0}""", "attack-steps is 0: must be at least 1")]
    [InlineData("""{"limit-test": 0}""", "limit-test is 0: must be at least 1")]
    [InlineData("""{"threads": -1}""", "threads is -1: must be from 0 to 1024")]
    [InlineData("""{"temperature": 0}""", "temperature is 0: must be at least 0.0001")]
    [InlineData("""{"lr": 1e999}""", "lr is ")]
    [InlineData("""{"epsilon": -0.1}""", "epsilon is -0.1: must not be negative")]
    [InlineData("""{"epsilon": 8}""", "epsilon is 8: must be at most 1, as pixels lie in [0, 1] (8 of 255 grey levels are 8/255)")]
    [InlineData("""{"views": 3}""", "views is 3: must be from 1 to 2")]
    [InlineData("""{"views": 2, "augment": "off"}""", "augment is off: two views need augmentation to differ")]
    [InlineData("""{"view-pairing": "same-kind"}""", "view-pairing is same-kind: needs two views of each image (views 2)")]
    [InlineData("""{"method": "supcon"}""", "views is 1: supcon contrasts two views of each image (views 2)")]
    [InlineData("""{"method": "linear"}""", "from is not given: a linear evaluation needs an encoder, such as that of a run of supcon")]
    [InlineData("""{"ema-decay": 1}""", "ema-decay is 1: must be at least 0 and less than 1")]
    [InlineData("""{"clip-norm": -1}""", "clip-norm is -1: must not be negative")]
    [InlineData("""{"momentum": 1}""", "momentum is 1: must be at least 0 and less than 1")]
    [InlineData("""{"warmup": 10}""", "warmup is 10: must be less than the 10 epochs")]
    [InlineData("""{"schedule": "piecewise"}""", "milestones is empty: a piecewise schedule needs them (such as 100,105)")]
    [InlineData("""{"schedule": "piecewise", "milestones": [5, 5]}""", "milestones is 5,5: must be strictly increasing")]
    [InlineData("""{"schedule": "piecewise", "milestones": [5, 10]}""", "milestones is 5,10: must lie between 1 and the last of 10 epochs")]
    [InlineData("""{"epochs": 3, "epochs": 4}""", "not valid JSON: ")]
    public void InvalidFileErrorNamesFileAndKey(string json, string problem)
    {
        File.WriteAllText(path, json);
        Assert.StartsWith($"{path}: {problem}", Assert.Throws<UserErrorException>(() => RunConfig.OfRun(path)).Message);
    }

    /// <summary>Settings of methods that are not chosen have no effect, but must be valid.</summary>
    [Theory]
    [InlineData("""{"method": "pgd-at", "trades-beta": -1}""", "trades-beta is -1: must not be negative")]
    [InlineData("""{"method": "natural", "strategy": 3}""", "strategy is 3: not a value of the right type")]
    [InlineData("""{"schedule": "cosine", "decay": 0}""", "decay is 0: must be more than 0")]
    public void UnusedValuesAreChecked(string json, string problem) => InvalidFileErrorNamesFileAndKey(json, problem);

    /// <summary>Earlier versions called the base objective foundation.</summary>
    [Fact]
    public void FormerNamesAreRead() =>
        Assert.Equal("trades", ((AsclObjective)RunConfig.Of(new JsonObject { ["foundation"] = "trades" }, "test").Method).Base.Name);

    [Fact]
    public void EpsilonMayExceedOneInL2() =>
        Assert.Equal(3, RunConfig.Of(new JsonObject { ["norm"] = "l2", ["epsilon"] = 3 }, "test").Attack.Epsilon);

    [Theory]
    [InlineData("method", "asscl", "ascl")]
    [InlineData("base-objective", "trade", "trades")]
    [InlineData("activation", "slu", "silu")]
    [InlineData("strategy", "hrad", "hard")]
    [InlineData("distance", "consine", "cosine")]
    [InlineData("schedule", "cosin", "cosine")]
    [InlineData("norm", "lnif", "linf")]
    [InlineData("view-pairing", "same-knd", "same-kind")]
    [InlineData("start", "gausian", "gaussian")]
    [InlineData("bn-mode", "evla", "eval")]
    [InlineData("augment", "atuo", "auto")]
    [InlineData("normalize", "cifar-10", "cifar10")]
    public void UnknownNamesSuggestTheNearest(string key, string given, string nearest)
    {
        UserErrorException e = Assert.Throws<UserErrorException>(() => RunConfig.Of(new JsonObject { [key] = given }, "test"));
        Assert.StartsWith($"unknown {key} '{given}': did you mean {nearest}? (valid: ", e.Message);
    }
}
