using System.Text.Json.Nodes;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Training images are never reported as test images, even if the data or the weights were renamed.</summary>
public sealed class LearnedImagesTests : IDisposable
{
    private const string Network = "resnet: 1 block a stage, widths 4,8";
    private const int Count = 40, Side = 28;

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-learned").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TrainingImagesAreRecognisedByTheirPixels()
    {
        string data = Images("d.safetensors", ""), run = Trained("run", data, "--norm", "l2", "--epsilon", "1.5");
        foreach (string weights in new[] { run, Path.Combine(run, "best.safetensors") })
            Assert.Contains("it was trained on all of these images",
                AsclProcess.RefusalInProcess("evaluate", "--weights", weights, "--test-share", "0.2"), StringComparison.Ordinal);

        // The images under another name, as floats, in another order; the weights as a copy elsewhere and as ONNX.
        string other = Images("other.safetensors", "test.", floats: true), weightsElsewhere = Path.Combine(folder, "w.safetensors"),
            onnx = Path.Combine(folder, "w.onnx");
        File.Copy(Path.Combine(run, "best.safetensors"), weightsElsewhere);
        Assert.Equal(0, AsclProcess.Run("export", "--weights", weightsElsewhere, "--onnx", onnx).ExitCode);
        Assert.Contains("has its input normalisation inside", AsclProcess.RefusalInProcess("evaluate", "--weights", onnx, "--data",
            $"file:{data}", "--normalize", "half", "--attack", "noise"), StringComparison.Ordinal);
        // Images of another size cannot be recognised, and the output says so.
        Assert.Contains("whether they were trained on resized versions of some of these is unknown",
            AsclProcess.Run("evaluate", "--weights", weightsElsewhere, "--data", $"file:{other}", "--ignore-class-names", "--attack",
                "noise", "--crop", "26").Output, StringComparison.Ordinal);
        foreach (string weights in new[] { run, weightsElsewhere, onnx })
        {
            string json = Path.Combine(folder, "result.json");
            ProcessResult result = AsclProcess.Run("evaluate", "--weights", weights, "--data", $"file:{other}", "--ignore-class-names",
                "--attack", "noise", "--json", json);
            Assert.True(result.ExitCode == 0, result.Error);
            Assert.Contains("on 40 images, ALL of which THE WEIGHTS WERE TRAINED ON", result.Output, StringComparison.Ordinal);
            JsonNode report = JsonNode.Parse(File.ReadAllText(json))!;
            Assert.Equal(40, report["trained_on"]!.GetValue<int>());
            // The ball is stored with the weights too.
            Assert.Equal(("l2", 1.5),
                (report["attacks"]![0]!["norm"]!.GetValue<string>(), report["attacks"]![0]!["epsilon"]!.GetValue<double>()));
        }
    }

    [Fact]
    public void TestImagesAmongTrainingImagesAreReported()
    {
        string data = Images("both.safetensors", "train.", and: "test."), run = Path.Combine(folder, "both");
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{data}", "--model", Network, "--method", "natural", "--epochs",
            "1", "--validation", "0", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.DoesNotContain("warning: --", result.Output, StringComparison.Ordinal);
        Assert.Contains("both: 40 of 40 test images are also training images", result.Output, StringComparison.Ordinal);
        Assert.Contains("Accuracy on 40 images, ALL of which THE WEIGHTS WERE TRAINED ON", result.Output, StringComparison.Ordinal);
        string page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("ALL of which THE WEIGHTS WERE TRAINED ON", page, StringComparison.Ordinal);
        // Nor does the caption of the confusion matrix call them test images.
        Assert.DoesNotContain("40 test images:", page, StringComparison.Ordinal);
        Assert.Contains("40 TRAINING", AsclProcess.Run("study", run, "--steps", "1").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void SweepRefusesFinishedRunsOnOtherImages()
    {
        string data = Images("s.safetensors", ""), plan = Path.Combine(folder, "plan.json");
        File.WriteAllText(plan, $$"""
            {"out": "{{folder}}/sweep", "base": {"data": "file:{{data}}", "model": "{{Network}}", "method": "natural", "epochs": 1},
             "runs": [{"name": "a"}]}
            """);
        Assert.Equal(0, AsclProcess.Run("sweep", plan).ExitCode);
        Images("s.safetensors", "", brightness: 9);
        string refusal = AsclProcess.RefusalInProcess("sweep", plan);
        Assert.Contains("a: ", refusal, StringComparison.Ordinal);
        Assert.Contains("have changed since it was trained", refusal, StringComparison.Ordinal);
    }

    /// <summary>A fine-tuned run belongs to the encoder that it started from, not to one that was trained again in the same
    /// place.</summary>
    [Fact]
    public void SweepRefusesFinishedRunsFromOtherWeights()
    {
        string data = Images("f.safetensors", ""), plan = Path.Combine(folder, "plan.json");
        File.WriteAllText(plan, $$"""
            {"out": "{{folder}}/f", "base": {"data": "file:{{data}}", "model": "{{Network}}", "method": "natural", "epochs": 1},
             "runs": [{"name": "first"}, {"name": "then", "from": "{{folder}}/f/first"}]}
            """);
        Assert.Equal(0, AsclProcess.Run("sweep", plan).ExitCode);
        Assert.Contains("[2/2] then: done", AsclProcess.Run("sweep", plan).Output, StringComparison.Ordinal);
        Directory.Delete(Path.Combine(folder, "f", "first"), recursive: true);
        Assert.Contains("which it started from, have changed since it was trained, or are about to",
            AsclProcess.RefusalInProcess("sweep", plan), StringComparison.Ordinal);
    }

    [Fact]
    public void OptionsWithoutEffectAreReported()
    {
        string data = Images("u.safetensors", "");
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{data}", "--model", Network, "--method", "natural", "--epochs",
            "1", "--temperature", "0.5", "--trades-beta", "3", "--norm", "l2", "--epsilon", "8/255", "--out", Path.Combine(folder, "u"));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("warning: --trades-beta, --temperature have no effect in this run (method natural, schedule cosine)", result.Output,
            StringComparison.Ordinal);
        Assert.Contains("warning: epsilon 0.0314 is very small in l2", result.Output, StringComparison.Ordinal);
    }

    /// <summary>ε 128 in L2 contains every image; probably 128/255 was meant.</summary>
    [Fact]
    public void EpsilonLargerThanAnyImageDistanceIsRefused()
    {
        string data = Images("far.safetensors", "");
        string[][] commands =
        [
            ["train", "--data", $"file:{data}", "--model", Network, "--out", Path.Combine(folder, "none")],
            ["evaluate", "--data", $"file:{data}", "--weights", Trained("far", data)],
        ];
        foreach (string[] line in commands)
            Assert.Contains("no two images of 1x28x28 pixels in [0, 1] are more than 28.0 apart (is 128/255 meant?)",
                AsclProcess.RefusalInProcess([.. line, "--norm", "l2", "--epsilon", "128"]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "none")));
    }

    private string Trained(string name, string data, params string[] options)
    {
        string run = Path.Combine(folder, name);
        ProcessResult result = AsclProcess.Run(["train", "--data", $"file:{data}", "--model", Network, "--method", "natural", "--epochs",
            "1", "--validation", "0", "--out", run, .. options]);
        Assert.True(result.ExitCode == 0, result.Error);
        return run;
    }

    private string Images(string name, string part, bool floats = false, byte brightness = 0, string? and = null)
    {
        string path = Path.Combine(folder, name);
        byte[] pixels =
            [.. Enumerable.Range(0, Count * Side * Side).Select(i => (byte)(brightness + i * 31 % 200 + i / (Side * Side) % 10))];
        SafetensorsWriter writer = new();
        foreach (string prefix in and is null ? new[] { part } : [part, and])
        {
            if (floats)
                writer.Add($"{prefix}images", [Count, 1, Side, Side],
                    [.. pixels.Chunk(Side * Side).Reverse().SelectMany(image => image).Select(value => value / 255f)]);
            else
                writer.Add($"{prefix}images", [Count, 1, Side, Side], pixels);
            writer.Add($"{prefix}labels", [Count], [.. Enumerable.Range(0, Count).Select(i => (long)((floats ? Count - 1 - i : i) % 10))]);
        }
        writer.Save(path);
        return path;
    }
}
