using System.Text.Json.Nodes;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Training with a second data set, from the command line.</summary>
public sealed class ExtraDataTests : IDisposable
{
    private const int Count = 60, Side = 28;

    private static readonly string[] Small =
    [
        "train", "--method", "natural", "--model", "resnet: 1 block a stage, widths 4,8", "--limit-train", "40", "--validation", "0",
        "--limit-test", "10", "--epochs", "1", "--batch", "10",
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-extra").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ARunWithGeneratedImagesIsLabelledResumedAndKnown()
    {
        string extra = Images("extra.safetensors", Side), labeller = Path.Combine(folder, "labeller"), run = Path.Combine(folder, "run");
        Assert.Equal(0, AsclProcess.Run([.. Small, "--out", labeller]).ExitCode);
        ProcessResult result = AsclProcess.Run([.. Small, "--extra-data", $"file:{extra}", "--extra-labels", labeller, "--out", run]);
        Assert.True(result.ExitCode == 0, result.Error);
        string? first = Hash(run);
        Assert.NotNull(first);
        Assert.Null(Hash(labeller));

        ProcessResult resumed = AsclProcess.Run("train", "--resume", run, "--epochs", "2");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(first, Hash(run));
        // An evaluation needs no extra images, but knows that the weights have learned them.
        ProcessResult known = AsclProcess.Run("evaluate", "--weights", run, "--data",
            $"file:{Images("as-test.safetensors", Side, part: "test.")}", "--ignore-class-names", "--attack", "noise");
        Assert.Contains($"on {Count} images, ALL of which THE WEIGHTS WERE TRAINED ON", known.Output, StringComparison.Ordinal);

        Images("extra.safetensors", Side, seed: 2);
        Assert.Contains("the extra images or their labels are not those that the run began with",
            AsclProcess.Run("train", "--resume", run, "--epochs", "3").Error, StringComparison.Ordinal);

        static string? Hash(string run) =>
            JsonNode.Parse(File.ReadAllText(Path.Combine(run, "summary.json")))!["extra_hash"]?.GetValue<string>();
    }

    [Fact]
    public void WhatDoesNotFitIsRefusedBeforeAFolderIsMade()
    {
        string run = Path.Combine(folder, "run");
        string[] options = [.. Small, "--out", run, "--extra-data"];
        Assert.Contains("extra images are 1x20x20, those of sample train 1x28x28",
            AsclProcess.RefusalInProcess([.. options, $"file:{Images("small.safetensors", 20)}"]), StringComparison.Ordinal);
        Assert.Contains("there is no such file or run", AsclProcess.RefusalInProcess(
            [.. options, $"file:{Images("fits.safetensors", Side)}", "--extra-labels", "none"]), StringComparison.Ordinal);
        Assert.Contains("did you mean sample?", AsclProcess.RefusalInProcess([.. options, "sampel"]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(run));
        string plan = Path.Combine(folder, "sweep.json"), out1 = Path.Combine(folder, "sweep");
        File.WriteAllText(plan, $$"""
            {"out": "{{out1}}", "base": {"method": "natural", "limit-train": 40, "epochs": 1},
             "runs": [{"name": "labeller"}, {"name": "then", "extra-data": "sample", "extra-labels": "{{out1}}/labeller"}]}
            """);
        Assert.Contains("which this sweep trains: train that run before", AsclProcess.RefusalInProcess("sweep", plan),
            StringComparison.Ordinal);
    }

    private string Images(string name, int side, int seed = 1, string part = "")
    {
        string path = Path.Combine(folder, name);
        SafetensorsWriter file = new();
        byte[] pixels = new byte[Count * side * side];
        new Random(seed).NextBytes(pixels);
        file.Add($"{part}images", [Count, side, side], pixels);
        file.Add($"{part}labels", [Count], [.. Enumerable.Range(0, Count).Select(i => (byte)(i % 10))]);
        file.Save(path);
        return path;
    }
}
