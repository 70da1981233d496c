using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Results that would look right but be wrong: of another ball than the run's, of training images taken for test images, of images
/// that have changed.</summary>
public sealed class MisleadingResultTests(TrainedRun trained) : IClassFixture<TrainedRun>, IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-numbers").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>The defaults of norm, ε and step size follow from the run; options override them.</summary>
    [Theory]
    [InlineData("l2", 1.5, 0.375)]
    [InlineData("l2", 0.5, 0.125, "--epsilon", "0.5")]
    [InlineData("linf", 8 / 255.0, 2 / 255.0, "--norm", "linf")]
    [InlineData("l2", 1.5, 0.3, "--step-size", "0.3")]
    [InlineData("l2", 1.5, 0.75, "--steps", "5")]
    public void EvaluateDefaultsToTheBallOfTheRun(string norm, double epsilon, double step, params string[] given)
    {
        JsonNode attack = Evaluated(["--weights", RunInL2(), "--limit", "20", .. given])["attacks"]![0]!;
        Assert.Equal(norm, attack["norm"]!.GetValue<string>());
        Assert.Equal(epsilon, attack["epsilon"]!.GetValue<double>(), 12);
        Assert.Equal(step, attack["step_size"]!.GetValue<double>(), 12);
    }

    [Fact]
    public void AnotherNormHasItsOwnDefaultEpsilon()
    {
        JsonNode attack = Evaluated(["--weights", trained.Path, "--limit", "20", "--norm", "l2"])["attacks"]![0]!;
        Assert.Equal((0.5, 0.125), (attack["epsilon"]!.GetValue<double>(), attack["step_size"]!.GetValue<double>()));
    }

    [Theory]
    [InlineData]
    [InlineData("--step-size", "0.02")]
    public void CurveAgreesWithEvaluationAtTheSameEpsilon(params string[] given)
    {
        JsonNode report = Evaluated(["--weights", trained.Path, "--limit", "60", "--epsilon", "0.1", "--epsilons", "0.05,0.1", .. given]);
        Assert.Equal(report["worst_case_accuracy"]!.GetValue<double>(), report["curve"]![1]!["accuracy"]!.GetValue<double>());
        Assert.True(report["curve"]![0]!["accuracy"]!.GetValue<double>() > report["curve"]![1]!["accuracy"]!.GetValue<double>());
    }

    [Fact]
    public void StudyDefaultsToTheBallOfTheRun()
    {
        string study = Path.Combine(folder, "study");
        ProcessResult result = AsclProcess.Run("study", RunInL2(), "--limit", "30", "--steps", "3", "--out", study);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(study, "l2", "study.json")))!;
        Assert.Equal(("l2", 1.5, "test"),
            (json["norm"]!.GetValue<string>(), json["epsilon"]!.GetValue<double>(), json["part"]!.GetValue<string>()));
        Assert.Contains("l2 epsilon 1.5", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void StepsTooShortForTheBallAreReported()
    {
        ProcessResult result = AsclProcess.Run("evaluate", "--weights", trained.Path, "--limit", "10", "--epsilon", "0.3", "--step-size",
            "0.01", "--steps", "20");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("20 steps of 0.01 cannot reach the boundary of the ball of radius 0.3", result.Output, StringComparison.Ordinal);
    }

    /// <summary>If there is no test part, every output says that its accuracies are on training images.</summary>
    [Fact]
    public void TrainingImagesAreNotCalledTestImages()
    {
        string data = Images("alone.safetensors", ""), run = Path.Combine(folder, "alone");
        ProcessResult result = AsclProcess.Run(
            "train", "--data", $"file:{data}", "--model", "resnet: 1 block a stage, widths 4,8", "--method", "natural", "--epochs", "1",
                "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("Accuracy on 40 TRAINING images", result.Output, StringComparison.Ordinal);
        Assert.Contains("alone: there are no test images", result.Output, StringComparison.Ordinal);
        Assert.Equal("train", JsonNode.Parse(File.ReadAllText(Path.Combine(run, "report.json")))!["part"]!.GetValue<string>());
        string page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.Contains("Accuracy on training images", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Test accuracy", page, StringComparison.Ordinal);
        Assert.DoesNotContain("test images<", page, StringComparison.Ordinal);
        ProcessResult evaluated = AsclProcess.Run("evaluate", "--weights", run, "--attack", "noise", "--out", Path.Combine(folder, "kept"));
        Assert.Contains("on 40 TRAINING images", evaluated.Output, StringComparison.Ordinal);
        foreach (string file in new[] { "report.md", "report.html" })
            Assert.Contains("TRAINING images", File.ReadAllText(Path.Combine(folder, "kept", file)), StringComparison.Ordinal);
        Assert.Contains("40 TRAINING", AsclProcess.Run("study", run, "--steps", "1").Output, StringComparison.Ordinal);
        Assert.Contains("TRAINING images", AsclProcess.Run("compare", run).Output, StringComparison.Ordinal);
    }

    /// <summary>Images that were replaced under the same name, or other settings of the classifier, cannot be mixed in one
    /// evaluation.</summary>
    [Fact]
    public void EvaluationIsNotResumedWithOtherImagesOrClassifier()
    {
        string data = Images("d.safetensors", "test."), kept = Path.Combine(folder, "kept"),
            weights = Path.Combine(trained.Path, "best.safetensors");
        string[] line = ["evaluate", "--weights", weights, "--data", $"file:{data}", "--attack", "fgsm", "--out", kept];
        Assert.Equal(0, AsclProcess.Run(line).ExitCode);
        Assert.Equal(0, AsclProcess.Run(line).ExitCode);
        Images("d.safetensors", "test.", brightness: 3);
        Assert.Contains("holds an evaluation of other images", AsclProcess.RefusalInProcess(line), StringComparison.Ordinal);
        Images("d.safetensors", "test.");
        Assert.Contains("holds an evaluation with classifier", AsclProcess.RefusalInProcess([.. line, "--normalize", "half"]),
            StringComparison.Ordinal);
        Assert.Contains("holds an evaluation with classifier", AsclProcess.RefusalInProcess([.. line, "--activation", "silu"]),
            StringComparison.Ordinal);
    }

    /// <summary>Another split, or a split of changed data, would put images that the run was trained on into the test part.</summary>
    [Fact]
    public void TestImagesSplitOffByTheRunCannotChange()
    {
        string data = Images("own.safetensors", ""), run = Path.Combine(folder, "split");
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{data}", "--test-share", "0.3", "--model",
            "resnet: 1 block a stage, widths 4,8", "--method", "natural", "--epochs", "1", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("Accuracy on 10 test images", result.Output, StringComparison.Ordinal);
        string[] line = ["evaluate", "--weights", run, "--attack", "noise"];
        Assert.Contains("on 10 test images", AsclProcess.Run(line).Output, StringComparison.Ordinal);
        string[][] otherReadings =
            [["--test-share", "1"], ["--data", $"file:{folder}/./own.safetensors", "--test-share", "1"], ["--resize", "20"]];
        foreach (string[] given in otherReadings)
            Assert.Contains("would put images that the run was trained on into the test part",
                AsclProcess.RefusalInProcess([.. line, .. given]), StringComparison.Ordinal);
        Images("own.safetensors", "", brightness: 5);
        Assert.Contains("may have been trained on", AsclProcess.RefusalInProcess(line), StringComparison.Ordinal);
        Assert.Contains("have changed since the run", AsclProcess.RefusalInProcess("report", run), StringComparison.Ordinal);
        Assert.Contains("are not those that the run began with", AsclProcess.RefusalInProcess("train", "--resume", run, "--epochs", "2"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void EncoderWithoutClassifierIsRefused()
    {
        string data = Images("enc.safetensors", ""), run = Path.Combine(folder, "encoder");
        ProcessResult result = AsclProcess.Run(
            "train", "--data", $"file:{data}", "--method", "supcon", "--views", "2", "--augment", "on", "--model",
                "resnet: 1 block a stage, widths 4,8", "--epochs", "1", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        // A copy of the weights elsewhere is refused too.
        string elsewhere = Path.Combine(folder, "elsewhere.safetensors");
        File.Copy(Path.Combine(run, "best.safetensors"), elsewhere);
        string onnx = Path.Combine(folder, "e.onnx");
        string[][] commands =
        [
            ["evaluate", "--weights", run],
            ["study", run],
            ["report", run],
            ["export", "--weights", run, "--onnx", onnx],
            ["evaluate", "--weights", elsewhere, "--data", $"file:{data}", "--test-share", "1"],
            ["export", "--weights", elsewhere, "--onnx", onnx],
        ];
        foreach (string[] line in commands)
            Assert.Contains("an encoder without a classifier", AsclProcess.RefusalInProcess(line), StringComparison.Ordinal);
    }

    /// <summary>ε 0 is a useful control experiment.</summary>
    [Fact]
    public void RunWithEpsilonZeroCanBeEvaluated()
    {
        string data = Images("zero.safetensors", ""), run = Path.Combine(folder, "zero");
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{data}", "--epsilon", "0", "--model",
            "resnet: 1 block a stage, widths 4,8", "--epochs", "1", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("input normalisation: mean", AsclProcess.Run("evaluate", "--weights", run).Output, StringComparison.Ordinal);
    }

    /// <summary>Overflowing logits mask the gradient, so that robust accuracy would be meaningless.</summary>
    [Fact]
    public void NonFiniteLogitsAreRefused()
    {
        string path = Path.Combine(folder, "huge.safetensors");
        using (CpuDevice device = new(1))
        {
            Classifier model = ClassifierFile.Load(device, Path.Combine(trained.Path, "best.safetensors"));
            foreach (Tensor last in model.Parameters.All
                .Where(p => p.Name.StartsWith("classifier.fc3", StringComparison.Ordinal)).Select(p => p.Tensor))
                last.Data.CopyFrom([.. last.ToArray().Select(w => w * 3e38f)]);
            ClassifierFile.Save(path, model);
        }
        Assert.Contains("a network without finite logits cannot be evaluated",
            AsclProcess.RefusalInProcess("evaluate", "--weights", path, "--data", "sample", "--limit", "20", "--attack", "fab-t", "--norm",
                "l2"), StringComparison.Ordinal);
    }

    [Fact]
    public void DifferentClassNamesAreRefusedUnlessIgnored()
    {
        string path = Path.Combine(folder, "other.safetensors");
        using (CpuDevice device = new(1))
        {
            Classifier model = ClassifierFile.Load(device, Path.Combine(trained.Path, "best.safetensors"));
            string[] names = [.. model.Spec.ClassNames!];
            (names[0], names[3]) = (names[3], names[0]);
            using SafetensorsFile old = SafetensorsFile.Open(Path.Combine(trained.Path, "best.safetensors"));
            SafetensorsWriter writer = new();
            WeightFile.Add(model.Parameters, writer);
            ClassifierFile.Describe(model.Spec with { ClassNames = names }, writer);
            writer.Save(path);
        }
        string[] line = ["evaluate", "--weights", path, "--data", "sample", "--limit", "10", "--attack", "noise"];
        Assert.Contains("class 0 is 'Dress' in the weights, 'T-shirt/top' in the data", AsclProcess.RefusalInProcess(line),
            StringComparison.Ordinal);
        Assert.Equal(0, AsclProcess.Run([.. line, "--ignore-class-names"]).ExitCode);
    }

    private JsonNode Evaluated(string[] arguments)
    {
        string json = Path.Combine(folder, "result.json");
        ProcessResult result = AsclProcess.Run(["evaluate", .. arguments, "--json", json]);
        Assert.True(result.ExitCode == 0, result.Error);
        return JsonNode.Parse(File.ReadAllText(json))!;
    }

    /// <summary>A copy of the run with a configuration that says it was trained in L2 with ε 1.5.</summary>
    private string RunInL2()
    {
        string copy = Path.Combine(folder, "l2");
        Directory.CreateDirectory(copy);
        File.Copy(Path.Combine(trained.Path, "best.safetensors"), Path.Combine(copy, "best.safetensors"));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(trained.Path, "config.json")))!.AsObject();
        (config["norm"], config["epsilon"]) = ("l2", 1.5);
        File.WriteAllText(Path.Combine(copy, "config.json"), config.ToJsonString());
        return copy;
    }

    /// <summary>Writes 40 images of 28×28 pixels in 10 classes, under the tensor names of a part.</summary>
    private string Images(string name, string part, byte brightness = 0)
    {
        const int Count = 40, Side = 28;
        string path = Path.Combine(folder, name);
        byte[] pixels =
            [.. Enumerable.Range(0, Count * Side * Side).Select(i => (byte)(brightness + i * 31 % 200 + i / (Side * Side) % 10))];
        SafetensorsWriter writer = new();
        writer.Add($"{part}images", [Count, 1, Side, Side], pixels);
        writer.Add($"{part}labels", [Count], [.. Enumerable.Range(0, Count).Select(i => (long)(i % 10))]);
        writer.Save(path);
        return path;
    }
}
