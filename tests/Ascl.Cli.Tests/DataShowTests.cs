using Xunit;

namespace Ascl.Cli.Tests;

public sealed class DataShowTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void ShowsCountsStatisticsAndContactSheet()
    {
        string sheet = Path.Combine(directory.FullName, "sheet.png");
        ProcessResult result = AsclProcess.Run("data", "show", "sample", "--sheet", sheet, "--columns", "3");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Matches(@"\ntrain +5000 +1 +28 +28 +0\.2\d+ +0\.3\d+\n", result.Output);
        Assert.Matches(@"\n +0 +T-shirt/top +500 +100\n", result.Output);
        Assert.Matches(@"\n +9 +Ankle boot +500 +100\n", result.Output);
        // PNG has width and height as big-endian integers at byte 16; 3 × 10 images of 28 pixels with gaps of 2.
        byte[] png = File.ReadAllBytes(sheet);
        Assert.Equal([137, 80, 78, 71, 0, 0, 0, 92, 0, 0, 1, 46], [.. png[..4], .. png[16..24]]);
    }

    [Theory]
    [InlineData("unknown data set 'smaple': did you mean sample? ", "smaple")]
    [InlineData("cannot write nowhere/sheet.png: no such directory", "sample", "--sheet", "nowhere/sheet.png")]
    [InlineData("option --columns: 0 is not between 1 and 1000", "sample", "--columns", "0")]
    [InlineData("ascl data show needs an argument (ascl data show --help)")]
    [InlineData("'mnist' is an unexpected argument (ascl data show --help)", "sample", "mnist")]
    [InlineData("cannot read nowhere.safetensors: no such file", "file:nowhere.safetensors")]
    public void InvalidInputIsAOneLineError(string message, params string[] arguments)
    {
        ProcessResult result = AsclProcess.Run(["data", "show", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith($"ascl: error: {message}", result.Error);
        Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("unknown command 'data': did you mean data show? (ascl --help lists them)", "data")]
    [InlineData("unknown command 'data': did you mean data show? (ascl --help lists them)", "data", "--help")]
    [InlineData("unknown command 'data shwo': did you mean data show? (ascl --help lists them)", "data", "shwo", "sample")]
    [InlineData("unknown command 'data banana': did you mean data show? (ascl --help lists them)", "data", "banana")]
    public void IncompleteCommandSuggestsTheWholeName(string message, params string[] arguments) =>
        Assert.Equal(message, AsclProcess.RefusalInProcess(arguments));
}
