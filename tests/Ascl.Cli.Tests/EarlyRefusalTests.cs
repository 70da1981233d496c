using Ascl.Core.Files;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Errors that are reported before any work is done.</summary>
public sealed class EarlyRefusalTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-early").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>The weights and runs do not exist either: that the error names the results file shows that it was checked first.</summary>
    [Theory]
    [InlineData("evaluate", "--weights", "none.safetensors", "--data", "sample", "--json", "{}/none/a.json")]
    [InlineData("evaluate", "--weights", "none.safetensors", "--data", "sample", "--json", "{}")]
    [InlineData("export", "--weights", "none.safetensors", "--onnx", "{}/none/a.onnx")]
    [InlineData("compare", "none", "--markdown", "{}/none/a.md")]
    [InlineData("compare", "none", "--csv", "{}/none/a.csv")]
    [InlineData("profile", "--model", "resnet20", "--trace", "{}/none/a.json")]
    [InlineData("data show", "sample", "--sheet", "{}/none/a.png")]
    public void UnwritableFileIsRefused(params string[] arguments)
    {
        string[] filled =
        [
            .. arguments.SelectMany(a => a.StartsWith("data ", StringComparison.Ordinal) ? a.Split(' ') : [a])
                .Select(a => a.Replace("{}", folder, StringComparison.Ordinal)),
        ];
        string message = AsclProcess.RefusalInProcess(filled);
        Assert.StartsWith("cannot write", message, StringComparison.Ordinal);
        Assert.Contains(folder, message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Theory]
    [InlineData("train")]
    [InlineData("verify", "none.safetensors")]
    [InlineData("gradcheck")]
    [InlineData("bench")]
    [InlineData("profile")]
    public void InvalidNumberOfThreadsIsRefused(params string[] arguments)
    {
        foreach (string threads in new[] { "-1", "100000" })
            Assert.Contains("threads", AsclProcess.RefusalInProcess([.. arguments, "--threads", threads]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("epsilon is 2: must be at most 1", "--epsilon", "2")]
    [InlineData("epsilon is 2: must be at most 1", "--epsilons", "0.1,2")]
    [InlineData("unknown norm 'l3'", "--norm", "l3")]
    [InlineData("unknown attack 'pgdd'", "--attack", "pgdd")]
    [InlineData("target is likely: must be the number of a class", "--target", "likely")]
    [InlineData("FAB cannot lead images to a target class", "--target", "3", "--attack", "fab")]
    [InlineData("does not apply to checks", "--target", "3", "--checks")]
    [InlineData("steps is 0: must be at least 1", "--steps", "0")]
    [InlineData("is an empty list", "--epsilons", ",")]
    [InlineData("is for --checks", "--twin", "none.safetensors")]
    [InlineData("applies only with checks", "--check-images", "20")]
    [InlineData("option --out needs a value", "--out", "")]
    [InlineData("--replay takes the images and their ball from its file", "--replay", "none.safetensors", "--epsilon", "0.1")]
    [InlineData("--replay takes the images and their ball from its file", "--replay", "none.safetensors", "--attack", "fgsm")]
    public void InvalidEvaluationSettingsAreRefused(string expected, params string[] given) =>
        Assert.Contains(expected, AsclProcess.RefusalInProcess(["evaluate", "--weights", "none.safetensors", "--data", "sample", .. given]),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("robust-weight is 0: and natural-weight is 0 too", "train", "--method", "pgd-at", "--robust-weight", "0")]
    [InlineData("temperature is 1E-30: must be at least 0.0001", "train", "--temperature", "1e-30")]
    [InlineData("sheet.jpg does not end in .png", "data", "show", "sample", "--sheet", "sheet.jpg")]
    public void MeaninglessSettingsAreRefused(string expected, params string[] arguments) =>
        Assert.Contains(expected, AsclProcess.RefusalInProcess(arguments), StringComparison.Ordinal);

    [Fact]
    public void UnrelatedFilesAreNotOverwritten()
    {
        string path = Path.Combine(folder, "config.json");
        File.WriteAllText(path, """{"method": "natural"}""");
        string other = Path.Combine(folder, "other", "a.json");
        Directory.CreateDirectory(Path.GetDirectoryName(other)!);
        Assert.Contains("is the folder of a run or an evaluation", AsclProcess.RefusalInProcess("evaluate", "--weights", "none.safetensors",
            "--data", "sample", "--json", Path.Combine(folder, "report.json")), StringComparison.Ordinal);
        foreach (string option in new[] { "--csv", "--markdown" })
            Assert.Contains("it is not overwritten", AsclProcess.RefusalInProcess("compare", folder, option, path),
                StringComparison.Ordinal);
        File.WriteAllText(other, File.ReadAllText(path));
        path = other;
        Assert.Contains("does not hold the results of an evaluation",
            AsclProcess.RefusalInProcess("evaluate", "--weights", "none.safetensors", "--data", "sample", "--json", path),
            StringComparison.Ordinal);
    }

    [Fact]
    public void DataWithOneClassAreRefused()
    {
        string path = Path.Combine(folder, "one.safetensors");
        SafetensorsWriter writer = new();
        writer.Add("images", [4, 1, 8, 8], [.. Enumerable.Range(0, 4 * 64).Select(i => (byte)i)]);
        writer.Add("labels", [4], new long[4]);
        writer.Save(path);
        Assert.Contains("has one class",
            AsclProcess.RefusalInProcess("train", "--data", $"file:{path}", "--model", "resnet20", "--out", Path.Combine(folder, "run")),
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "run")));
    }

    [Theory]
    [InlineData("too many values", "bench", "--batch", "1000000000")]
    [InlineData("at most 65536", "bench", "--what", "contrastive", "--rows", "100000000", "--dim", "1000")]
    [InlineData("too many values", "profile", "--batch", "100000000")]
    [InlineData("--what is empty", "bench", "--what", ",")]
    [InlineData("the network is too large", "bench", "--model", "wrn-100000-1")]
    [InlineData("the width 1 to 1000", "bench", "--model", "wrn-34-1000000000")]
    [InlineData("the network is too large", "bench", "--model", "resnet: 1000000 blocks a stage, widths 16")]
    [InlineData("too many values", "train", "--model", "resnet: 1 block a stage, widths 2147483647")]
    [InlineData("head is 10000000: must be from 0 to 65536", "train", "--head", "10000000")]
    public void HugeSizesAreRefused(string expected, params string[] arguments) =>
        Assert.Contains(expected, AsclProcess.RefusalInProcess(arguments), StringComparison.Ordinal);

    /// <summary>Reading a device would never end, and reading a pipe would wait.</summary>
    [Fact]
    public void DevicesAndPipesAreRefusedAsInput()
    {
        if (!File.Exists("/dev/zero"))
            return;
        string images = Directory.CreateDirectory(Path.Combine(folder, "images", "train", "a")).FullName;
        File.CreateSymbolicLink(Path.Combine(images, "1.jpg"), "/dev/zero");
        foreach (string[] arguments in new[]
        {
            ["evaluate", "--weights", "/dev/zero", "--data", "sample"],
            ["train", "--data", "file:/dev/zero"],
            ["train", "--config", "/dev/zero"],
            ["sweep", "/dev/zero"],
            new[] { "data", "show", $"folder:{Path.Combine(folder, "images")}" },
        })
            Assert.Matches("is empty, or not a regular file|is neither", AsclProcess.RefusalInProcess(arguments));
    }

    [Fact]
    public void EmptyValueInConfigFileIsRefused()
    {
        string path = Path.Combine(folder, "options.json");
        File.WriteAllText(path, """{"out": ""}""");
        Assert.Equal($"{path}: option --out needs a value", AsclProcess.RefusalInProcess("train", "--config", path));
    }

    /// <summary>No part is timed if one of them is unknown.</summary>
    [Fact]
    public void UnknownBenchmarkPartIsRefused() =>
        Assert.Contains("unknown measurement 'forwards'",
            AsclProcess.RefusalInProcess("bench", "--model", "smallcnn", "--what", "forward,forwards"), StringComparison.Ordinal);
}
