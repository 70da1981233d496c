using Ascl.Cli.Verbs;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("help")]
    public void HelpExplainsAndListsCommands(params string[] arguments)
    {
        ProcessResult result = AsclProcess.Run(arguments);
        Assert.Equal(0, result.ExitCode);
        Assert.Empty(result.Error);
        Assert.Contains("Usage: ascl COMMAND [options]", result.Output);
        Assert.Contains("adversarial example is", result.Output);
        Assert.All(Verb.All, verb => Assert.Contains($"\n  {verb.Name} ", result.Output));
        Assert.All(result.Output.Split('\n'), line => Assert.True(line.Length <= 110, line));
    }

    [Theory]
    [InlineData("devices", "--help")]
    [InlineData("help", "devices")]
    [InlineData("devices", "--confgi", "-h")]
    public void HelpOfCommandHasUsageExamplesAndOptions(params string[] arguments)
    {
        ProcessResult result = AsclProcess.Run(arguments);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Usage: ascl devices [options]", result.Output);
        Assert.Contains("Examples\n", result.Output);
        Assert.Contains("  --config FILE.json ", result.Output);
    }

    [Fact]
    public void VersionIsOneLine() => Assert.Matches(@"^ascl \d+\.\d+\.\d+\n$", AsclProcess.Run("--version").Output);

    [Theory]
    [InlineData("unknown command 'devcies': did you mean devices? (ascl --help lists them)", "devcies")]
    [InlineData("unknown command 'banana': (ascl --help lists them)", "banana")]
    [InlineData("unknown command '--devices': ", "--devices")]
    [InlineData("unknown command 'bad name': ", "bad\nname")]
    [InlineData("unknown option '--confgi': did you mean --config? (ascl devices --help lists them)", "devices", "--confgi", "x")]
    [InlineData("unknown option '--banana': (ascl devices --help lists them)", "devices", "--banana")]
    [InlineData("unknown option '-x': ", "devices", "-x")]
    [InlineData("option --config needs a value", "devices", "--config")]
    [InlineData("'banana' is an unexpected argument (ascl devices --help)", "devices", "banana")]
    [InlineData("'--help' is an unexpected argument (ascl devices --help)", "devices", "--", "--help")]
    public void InvalidArgumentsAreAOneLineError(string message, params string[] arguments) =>
        Assert.StartsWith(message, AsclProcess.Refusal(arguments));

    [Fact]
    public void DevicesListsTheCpu()
    {
        ProcessResult result = AsclProcess.Run("devices");
        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"cpu +threads +\d+", result.Output);
        Assert.Contains("instructions", result.Output);
    }
}
