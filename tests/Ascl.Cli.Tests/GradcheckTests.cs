using Xunit;

namespace Ascl.Cli.Tests;

public sealed class GradcheckTests
{
    [Fact]
    public void OneOpPrintsTableAndVerdict()
    {
        ProcessResult result = AsclProcess.Run("gradcheck", "--op", "relu");
        Assert.Equal(0, result.ExitCode);
        Assert.Empty(result.Error);
        string[] lines = result.Output.TrimEnd().Split('\n');
        Assert.Matches("^op +case +forward error +gradient error +worst input +allowed +result$", lines[1]);
        Assert.All(lines[2..^1], line => Assert.Matches("^relu .* pass$", line));
        Assert.Equal("PASS: 3 of 3 cases of 1 op or objective", lines[^1]);
    }

    [Fact]
    public void ObjectiveCanBeCheckedByName()
    {
        ProcessResult result = AsclProcess.Run("gradcheck", "--op", "trades", "--seed", "3");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("trades  beta 1, smoothing 0.1 ", result.Output);
    }

    [Fact]
    public void UnknownOpIsRefused() =>
        Assert.StartsWith("unknown op 'con2d': did you mean conv2d? (valid: conv2d, ",
            AsclProcess.RefusalInProcess("gradcheck", "--op", "con2d"));
}
