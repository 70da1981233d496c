using Ascl.Cli.Display;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class DisplayTests
{
    private readonly StringWriter output = new() { NewLine = "\n" };

    [Fact]
    public void PlainTableHasAlignedColumns()
    {
        var table = new ResultTable("attack", "accuracy") { Title = "smallcnn" };
        table.Add("clean", "91.20%");
        table.Add("PGD-20 [1]", "7.05%");
        table.PrintPlain(output);
        Assert.Equal("smallcnn\nattack      accuracy\nclean         91.20%\nPGD-20 [1]     7.05%\n", output.ToString());
        Assert.Throws<ArgumentException>(() => table.Add("one cell"));
    }

    [Fact]
    public void TrainingReportsEpochStepTermsSpeedAndTimeLeft()
    {
        var progress = new TrainingProgress(new PlainProgress(output, TimeSpan.Zero), epochs: 4, stepsPerEpoch: 5);
        progress.Step(1, 4, 128, [("loss", 1.25), ("contrastive", 0.5)]);
        progress.Epoch("epoch 2 done");
        string[] lines = output.ToString().Split('\n');
        Assert.Matches(@"^ 50% epoch 2/4 step 5/5 loss 1\.250 contrastive 0\.500 \d+ images/s \d+:\d\d left$", lines[0]);
        Assert.Equal("epoch 2 done", lines[1]);
    }

    [Fact]
    public void EvaluationReportsAccuracyAndTimeLeft()
    {
        new EvaluationDisplay(new PlainProgress(output, TimeSpan.Zero)).Progress(new("PGD-20", 25, 100, (1, 4), 0.5, Seconds: 10));
        Assert.Equal(" 31% PGD-20, attack 2 of 4: 25/100 images, 50.0 % robust so far, 0:30 left\n", output.ToString());
    }

    [Fact]
    public void PlainProgressReportsOncePerInterval()
    {
        var display = new PlainProgress(output, TimeSpan.FromHours(1));
        display.Report(1, 2, "half");
        Assert.Empty(output.ToString());
        display.Line("a result");
        Assert.Equal("a result\n", output.ToString());
    }

    [Theory]
    [InlineData(42, "0:42")]
    [InlineData(725, "12:05")]
    [InlineData(11250, "3:07:30")]
    public void DurationsAreFormattedAsClockTimes(int seconds, string text) =>
        Assert.Equal(text, TrainingProgress.Duration(TimeSpan.FromSeconds(seconds)));
}
