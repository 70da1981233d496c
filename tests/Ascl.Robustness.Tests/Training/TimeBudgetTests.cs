using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

public sealed class TimeBudgetTests
{
    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30min", 1800)]
    [InlineData("1.5h", 5400)]
    [InlineData("1h30min5s", 5405)]
    public void DurationsAreRead(string text, double seconds) =>
        Assert.Equal(seconds, TimeBudget.Parse(text, "--budget").Time.TotalSeconds, 6);

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("5m")]
    [InlineData("0s")]
    [InlineData("-3min")]
    [InlineData("3min2h")]
    [InlineData("99999999999999999999h")]
    public void OtherTextsAreRefused(string text) => Assert.Equal($"--budget {text}: must be a duration, such as 90s, 30min, 2h or 1h30min",
        Assert.Throws<UserErrorException>(() => TimeBudget.Parse(text, "--budget")).Message);

    [Fact]
    public void AsManyEpochsAsFitAreChosen()
    {
        RunConfig config = Config(limitTest: 10);
        BudgetedEpochs some = Fit("20s", config);
        Assert.True(some.Epochs > 1 && some.SecondsPerEpoch > 0);
        Assert.InRange(some.Seconds, 20 - some.SecondsPerEpoch, 20);
        Assert.Equal(1, Fit("1s", Config(limitTest: 1000), seconds: 1e-9).Epochs);
        Assert.Equal(3, Fit("1h", config, most: 3).Epochs);
    }

    [Fact]
    public void EvaluationsCount()
    {
        BudgetedEpochs few = Fit("1min", Config(limitTest: 10)), many = Fit("1min", Config(limitTest: 1000));
        // A hundred times as many passes, timed at different moments.
        Assert.True(many.EvaluationSeconds > 5 * few.EvaluationSeconds);
        // An encoder has no logits to evaluate.
        Assert.Equal(0, Fit("1min", Config(limitTest: 1000, "supcon")).EvaluationSeconds);
    }

    /// <summary>Timing takes no notice of settings that belong to whole runs: few epochs, and what ends or changes them.</summary>
    [Fact]
    public void RunsOfOneStepAreTimed()
    {
        RunConfig config = Config(limitTest: 10), brief = config with
        {
            Data = config.Data with { LimitTrain = 24, Validation = 4 },
            Training = config.Training with { Epochs = 1, OnOverfitting = OverfittingResponse.Stop },
        };
        BudgetedEpochs fit = Fit("10s", brief);
        Assert.InRange(fit.SecondsPerEpoch, 1e-9, 10);
        Assert.InRange(fit.Epochs, 1, 1_000_000);
    }

    [Fact]
    public void ExtraImagesCount()
    {
        RunConfig config = Config(limitTest: 10);
        using CpuDevice device = new(1);
        DataSet data = DataSource.Open("sample");
        DataSet more = data with { Extra = new(data.Test, 0.9) };
        TimeBudget budget = TimeBudget.Parse("1min", "budget");
        // Ten times as many training images, timed at different moments.
        Assert.True(budget.Fit(config with { Data = config.Data with { Extra = "sample", ExtraShare = 0.9 } }, more, device).SecondsPerEpoch
            > 1.5 * budget.Fit(config, data, device).SecondsPerEpoch);
    }

    private static BudgetedEpochs Fit(string time, RunConfig config, int most = int.MaxValue, double? seconds = null)
    {
        TimeBudget budget = seconds is { } exact ? new(TimeSpan.FromSeconds(exact)) : TimeBudget.Parse(time, "budget");
        using CpuDevice device = new(1);
        return budget.Fit(config, DataSource.Open("sample"), device, most);
    }

    private static RunConfig Config(int limitTest, string method = "pgd-at") => RunConfig.Of(
        new JsonObject
        {
            ["method"] = method,
            ["views"] = method == "supcon" ? 2 : 1,
            ["model"] = "smallcnn",
            ["limit-train"] = 200,
            ["validation"] = 20,
            ["limit-test"] = limitTest,
            ["attack-steps"] = 1,
            ["batch"] = 20,
            ["twin"] = false,
        },
        "test");
}
