using System.Text.Json.Nodes;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Images that a network has learned are never called test images, by whatever name they or the weights come again.</summary>
public sealed class LearnedImagesTests : IDisposable
{
    private const string Network = "resnet: 1 block a stage, widths 4,8";
    private const int Count = 40, Side = 28;

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-learned").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TheyAreToldByTheirPixels()
    {
        string data = Images("d.safetensors", ""), run = Trained("run", data, "--norm", "l2", "--epsilon", "1.5");
        foreach (string weights in new[] { run, Path.Combine(run, "best.safetensors") })
            Assert.Contains("it was trained on all of these images", AsclProcess.RefusalHere("evaluate", "--weights", weights, "--test-share", "0.2"), StringComparison.Ordinal);

        // Another name, as floats, in another order; the weights as a copy elsewhere and as ONNX.
        string other = Images("other.safetensors", "test.", floats: true), weightsElsewhere = Path.Combine(folder, "w.safetensors"), onnx = Path.Combine(folder, "w.onnx");
        File.Copy(Path.Combine(run, "best.safetensors"), weightsElsewhere);
        Assert.Equal(0, AsclProcess.Run("export", "--weights", weightsElsewhere, "--onnx", onnx).ExitCode);
        Assert.Contains("has its input normalisation inside", AsclProcess.RefusalHere("evaluate", "--weights", onnx, "--data", $"file:{data}", "--normalize", "half", "--attack", "noise"), StringComparison.Ordinal);
        // In another size they cannot be known again: that is said.
        Assert.Contains("whether they were trained on resized versions of some of these is unknown",
            AsclProcess.Run("evaluate", "--weights", weightsElsewhere, "--data", $"file:{other}", "--ignore-class-names", "--attack", "noise", "--crop", "26").Output, StringComparison.Ordinal);
        foreach (string weights in new[] { run, weightsElsewhere, onnx })
        {
            string json = Path.Combine(folder, "result.json");
            ProcessResult result = AsclProcess.Run("evaluate", "--weights", weights, "--data", $"file:{other}", "--ignore-class-names", "--attack", "noise", "--json", json);
            Assert.True(result.ExitCode == 0, result.Error);
            Assert.Contains("on 40 images, ALL of which THE WEIGHTS WERE TRAINED ON", result.Output, StringComparison.Ordinal);
            JsonNode report = JsonNode.Parse(File.ReadAllText(json))!;
            Assert.Equal(40, report["trained_on"]!.GetValue<int>());
            // The weights know their ball too, wherever they are.
            Assert.Equal(("l2", 1.5), (report["attacks"]![0]!["norm"]!.GetValue<string>(), report["attacks"]![0]!["epsilon"]!.GetValue<double>()));
        }
    }

    [Fact]
    public void TestImagesAmongTheTrainingImagesAreTold()
    {
        string data = Images("both.safetensors", "train.", and: "test."), run = Path.Combine(folder, "both");
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{data}", "--model", Network, "--method", "natural", "--epochs", "1", "--validation", "0", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.DoesNotContain("warning: --", result.Output, StringComparison.Ordinal);
        Assert.Contains("both: 40 of 40 test images are also training images", result.Output, StringComparison.Ordinal);
        Assert.Contains("Accuracy on 40 images, ALL of which THE WEIGHTS WERE TRAINED ON", result.Output, StringComparison.Ordinal);
        string page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("ALL of which THE WEIGHTS WERE TRAINED ON", page, StringComparison.Ordinal);
        // Nor does the caption of its confusions call them test images.
        Assert.DoesNotContain("40 test images:", page, StringComparison.Ordinal);
        Assert.Contains("40 TRAINING", AsclProcess.Run("study", run, "--steps", "1").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ASweepDoesNotCallRunsOnOtherImagesDone()
    {
        string data = Images("s.safetensors", ""), plan = Path.Combine(folder, "plan.json");
        File.WriteAllText(plan, $$"""{"out": "{{folder}}/sweep", "base": {"data": "file:{{data}}", "model": "{{Network}}", "method": "natural", "epochs": 1}, "runs": [{"name": "a"}]}""");
        Assert.Equal(0, AsclProcess.Run("sweep", plan).ExitCode);
        Images("s.safetensors", "", brightness: 9);
        string refusal = AsclProcess.RefusalHere("sweep", plan);
        Assert.Contains("a: ", refusal, StringComparison.Ordinal);
        Assert.Contains("have changed since it was trained", refusal, StringComparison.Ordinal);
    }

    /// <summary>A fine-tuning is of the encoder that it began with, not of one trained anew in its place.</summary>
    [Fact]
    public void ASweepDoesNotCallRunsFromOtherWeightsDone()
    {
        string data = Images("f.safetensors", ""), plan = Path.Combine(folder, "plan.json");
        File.WriteAllText(plan, $$"""
            {"out": "{{folder}}/f", "base": {"data": "file:{{data}}", "model": "{{Network}}", "method": "natural", "epochs": 1},
             "runs": [{"name": "first"}, {"name": "then", "from": "{{folder}}/f/first"}]}
            """);
        Assert.Equal(0, AsclProcess.Run("sweep", plan).ExitCode);
        Assert.Contains("[2/2] then: done", AsclProcess.Run("sweep", plan).Output, StringComparison.Ordinal);
        Directory.Delete(Path.Combine(folder, "f", "first"), recursive: true);
        Assert.Contains("which it started from, have changed since it was trained, or are about to", AsclProcess.RefusalHere("sweep", plan), StringComparison.Ordinal);
    }

    /// <summary>What a user gives and the method does not use would look as if it had been tried.</summary>
    [Fact]
    public void OptionsThatChangeNothingAreTold()
    {
        string data = Images("u.safetensors", "");
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{data}", "--model", Network, "--method", "natural", "--epochs", "1", "--temperature", "0.5", "--trades-beta", "3", "--norm", "l2", "--epsilon", "8/255", "--out", Path.Combine(folder, "u"));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("warning: --trades-beta, --temperature change nothing in this run: other settings, such as method natural, leave them unused", result.Output, StringComparison.Ordinal);
        Assert.Contains("warning: epsilon 0.0314 is very small in l2", result.Output, StringComparison.Ordinal);
    }

    /// <summary>In L2 128 is no ball in which images differ; 128/255 may be meant.</summary>
    [Fact]
    public void ABallThatHoldsAllImagesIsRefused()
    {
        string data = Images("far.safetensors", "");
        foreach (string[] line in new[] { (string[])["train", "--data", $"file:{data}", "--model", Network, "--out", Path.Combine(folder, "none")], ["evaluate", "--data", $"file:{data}", "--weights", Trained("far", data)] })
            Assert.Contains("no two images of 1x28x28 pixels in [0, 1] are more than 28.0 apart (is 128/255 meant?)", AsclProcess.RefusalHere([.. line, "--norm", "l2", "--epsilon", "128"]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "none")));
    }

    private string Trained(string name, string data, params string[] options)
    {
        string run = Path.Combine(folder, name);
        ProcessResult result = AsclProcess.Run(["train", "--data", $"file:{data}", "--model", Network, "--method", "natural", "--epochs", "1", "--validation", "0", "--out", run, .. options]);
        Assert.True(result.ExitCode == 0, result.Error);
        return run;
    }

    private string Images(string name, string part, bool floats = false, byte brightness = 0, string? and = null)
    {
        string path = Path.Combine(folder, name);
        byte[] pixels = [.. Enumerable.Range(0, Count * Side * Side).Select(i => (byte)(brightness + i * 31 % 200 + i / (Side * Side) % 10))];
        SafetensorsWriter writer = new();
        foreach (string prefix in and is null ? new[] { part } : [part, and])
        {
            if (floats)
                writer.Add($"{prefix}images", [Count, 1, Side, Side], [.. Enumerable.Range(0, Count).Reverse().SelectMany(n => pixels[(n * Side * Side)..((n + 1) * Side * Side)]).Select(value => value / 255f)]);
            else
                writer.Add($"{prefix}images", [Count, 1, Side, Side], pixels);
            writer.Add($"{prefix}labels", [Count], [.. Enumerable.Range(0, Count).Select(i => (long)((floats ? Count - 1 - i : i) % 10))]);
        }
        writer.Save(path);
        return path;
    }
}
