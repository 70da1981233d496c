using System.Text.Json.Nodes;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Export and evaluation of ONNX files in real processes.</summary>
public sealed class OnnxTests(TrainedRun trained) : IClassFixture<TrainedRun>, IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// Square and noise use logits only, so a network and its ONNX file give the same adversarial images as long as all comparisons of
    /// logits agree. The logits differ by rounding, about 1e-6 relative. Square compares margins once per query and image; if one of these
    /// thousands of comparisons differs, the image takes another path from there on. The test allows one such image.
    /// </summary>
    [Fact]
    public void ExportedRunEvaluatesLikeTheRun()
    {
        string run = trained.Path, onnx = InFolder("model.onnx");
        ProcessResult exported = AsclProcess.Run("export", "--weights", run, "--onnx", onnx);
        Assert.Equal((0, ""), (exported.ExitCode, exported.Error));
        Assert.Contains("images [N, 1, 28, 28] in [0, 1] to logits [N, 10]", exported.Output, StringComparison.Ordinal);

        string[] attacks =
            ["--data", "sample", "--attack", "noise,square", "--epsilon", "0.15", "--queries", "60", "--limit", "80", "--threads", "2"];
        var (ours, ourImages) = Evaluated("ours", ["--weights", run, .. attacks]);
        var (theirs, theirImages) = Evaluated("theirs", ["--weights", onnx, "--onnx-runtime", .. attacks]);
        Assert.Contains("ONNX by ascl, ONNX Runtime", theirs["model"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(ours["clean_accuracy"]!.GetValue<double>(), theirs["clean_accuracy"]!.GetValue<double>());
        // In the engine's own graph the file has gradients: PGD finds what it finds for the run.
        string[] pgd = ["--data", "sample", "--attack", "pgd", "--epsilon", "0.15", "--steps", "5", "--limit", "80", "--threads", "2"];
        var (withGradients, _) = Evaluated("gradients", ["--weights", onnx, .. pgd]);
        Assert.Equal("ONNX by ascl", withGradients["model"]!.GetValue<string>());
        Assert.Equal(Evaluated("run", ["--weights", run, .. pgd]).Report["worst_case_accuracy"]!.GetValue<double>(),
            withGradients["worst_case_accuracy"]!.GetValue<double>(), 1 / 80.0);
        Assert.True(ourImages.Count >= 5, $"only {ourImages.Count} images flipped");
        long[] both = [.. ourImages.Keys.Intersect(theirImages.Keys)];
        int other =
            ourImages.Keys.Union(theirImages.Keys).Count() - both.Length + both.Count(id => !ourImages[id].SequenceEqual(theirImages[id]));
        Assert.True(other <= 1, $"{other} of {ourImages.Count} images took another path");

        // Replay confirms the adversarial images for the ONNX file, and for the weights.
        foreach (string weights in new[] { onnx, run })
        {
            ProcessResult replayed = AsclProcess.Run("evaluate", "--weights", weights, "--data", "sample", "--replay",
                InFolder("theirs", "adversarial.safetensors"));
            Assert.True(replayed.ExitCode == 0, replayed.Output + replayed.Error);
        }
        Assert.Equal("""["T-shirt/top","Trouser","Pullover","Dress","Coat","Sandal","Shirt","Sneaker","Bag","Ankle boot"]""",
            ClassNames(onnx));
    }

    [Fact]
    public void StudyOfAnExportedRunFindsWhatItFindsForTheRun()
    {
        string run = trained.Path, onnx = InFolder("model.onnx"), study = InFolder("study");
        Assert.Equal(0, AsclProcess.Run("export", "--weights", run, "--onnx", onnx).ExitCode);
        ProcessResult result = AsclProcess.Run("study", run, onnx, "--data", "sample", "--limit", "30", "--steps", "3", "--epsilon", "0.1",
            "--out", study);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonArray studies = JsonNode.Parse(File.ReadAllText(Path.Combine(study, "comparison.json")))!["studies"]!.AsArray();
        Assert.Equal(studies[0]!["robust_accuracy"]!.GetValue<double>(), studies[1]!["robust_accuracy"]!.GetValue<double>(), 1 / 30.0);
        // A graph's latent is the input of its last linear layer; this network's own is that of the first of three.
        using SafetensorsFile latents = SafetensorsFile.Open(Path.Combine(study, "model", "latents.safetensors"));
        Assert.Equal([30, 200], latents.Shape("natural"));
    }

    [Fact]
    public void InvalidInputIsAOneLineError()
    {
        string weights = InFolder("weights.safetensors"), onnx = InFolder("model.onnx"), damaged = InFolder("damaged.onnx"),
            cut = InFolder("cut.onnx");
        using (CpuDevice device = new(1))
        {
            Classifier model = new(device, new("smallcnn", 1, 10, [], []), seed: 1);
            ClassifierFile.Save(weights, model);
            OnnxExport.Save(onnx, model, []);
            OnnxExport.Save(InFolder("colours.onnx"), new Classifier(device, new("smallcnn", 3, 10, [], []), seed: 1), []);
        }
        File.WriteAllText(damaged, "no model at all");
        File.WriteAllBytes(cut, File.ReadAllBytes(onnx)[..^1000]);
        Refused("PGD-20 needs gradients, which ONNX by ascl", "--weights", onnx, "--onnx-runtime");
        Refused("attacks without gradients are noise, square", "--weights", onnx, "--onnx-runtime", "--attack", "noise,autoattack");
        Refused("checks needs gradients", "--weights", onnx, "--onnx-runtime", "--attack", "noise", "--checks");
        Refused("minimal-epsilon needs gradients", "--weights", onnx, "--onnx-runtime", "--attack", "noise", "--minimal-epsilon");
        Refused("--model and --activation", "--weights", onnx, "--attack", "noise", "--model", "smallcnn");
        Refused("are for ONNX files", "--weights", weights, "--onnx-runtime");
        Refused("--straight-through is for gradients", "--weights", onnx, "--onnx-runtime", "--straight-through");
        Refused("damaged.onnx: ONNX Runtime cannot load it", "--weights", damaged, "--onnx-runtime", "--attack", "noise");
        Refused("cut.onnx: ONNX Runtime cannot load it", "--weights", cut, "--onnx-runtime", "--attack", "noise");
        Refused("damaged.onnx: not a", "--weights", damaged);
        Refused("cut.onnx: not a protobuf message", "--weights", cut);
        Refused("no such file", "--weights", InFolder("none.onnx"), "--attack", "noise");
        Refused("the network takes images of 3 channels", "--weights", InFolder("colours.onnx"), "--attack", "noise");
        Assert.Contains("does not end in .onnx",
            AsclProcess.RefusalInProcess("export", "--weights", weights, "--onnx", InFolder("model.pb")), StringComparison.Ordinal);
        Assert.Contains("--normalize auto is computed from a data set",
            AsclProcess.RefusalInProcess("export", "--weights", weights, "--onnx", onnx, "--normalize", "auto"), StringComparison.Ordinal);
        Assert.Contains("no such directory",
            AsclProcess.RefusalInProcess("export", "--weights", weights, "--onnx", InFolder("none", "model.onnx")),
            StringComparison.Ordinal);
        byte[] before = File.ReadAllBytes(onnx);
        Assert.Contains("damaged.onnx: not a", AsclProcess.Refusal("export", "--weights", damaged, "--onnx", onnx),
            StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(onnx));
    }

    /// <summary>In a process of its own, because the verb pins its threads to cores, which processes started later would inherit.</summary>
    private static void Refused(string expected, params string[] arguments)
    {
        // Findings about a model come before what is refused about it.
        ProcessResult result = AsclProcess.Run(["evaluate", "--data", "sample", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    /// <summary>The report of an evaluation, and the adversarial images by the id of the original.</summary>
    private (JsonNode Report, Dictionary<long, float[]> Images) Evaluated(string name, string[] arguments)
    {
        ProcessResult result = AsclProcess.Run(["evaluate", .. arguments, "--out", InFolder(name)]);
        Assert.True(result.ExitCode == 0, result.Error);
        using SafetensorsFile file = SafetensorsFile.Open(InFolder(name, "adversarial.safetensors"));
        float[][] images = [.. file.ReadFloats("images").Chunk(28 * 28)];
        return (JsonNode.Parse(File.ReadAllText(InFolder(name, "report.json")))!,
            file.ReadIntegers("ids").Index().ToDictionary(id => id.Item, id => images[id.Index]));
    }

    /// <summary>The value of the metadata entry class_names, by its bytes in the file.</summary>
    private static string ClassNames(string onnx)
    {
        string text = File.ReadAllText(onnx, System.Text.Encoding.Latin1);
        int at = text.LastIndexOf("class_names", StringComparison.Ordinal), from = text.IndexOf('[', at);
        return text[from..(text.IndexOf(']', from) + 1)];
    }

    private string InFolder(params string[] names) => Path.Combine([folder, .. names]);
}
