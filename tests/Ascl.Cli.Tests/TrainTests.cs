using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Training in real processes: results, resuming after kills, refusals.</summary>
public sealed class TrainTests : IDisposable
{
    private static readonly string[] Small =
    [
        "train", "--limit-train", "420", "--limit-test", "60", "--validation", "100", "--epochs", "2", "--batch", "64",
        "--attack-steps", "2", "--lr", "0.02",
        "--save-every", "1", "--twin", "false", "--seed", "5",
    ];

    /// <summary>The same with a network so small that training takes less time than starting the process.</summary>
    private static readonly string[] Quick = [.. Small, "--model", Network];

    private const string Network = "resnet: 1 block a stage, widths 4,8";

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-train").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData]
    [InlineData("--views", "2", "--view-pairing", "same-view", "--ema-decay", "0.9", "--awp-gamma", "0.005", "--clip-norm", "2",
        "--early-stop", "true", "--activation", "gelu")]
    public void KilledAndResumedTrainingGivesTheSameBitsForAnyNumberOfThreads(params string[] settings)
    {
        string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
        Assert.Equal(0, AsclProcess.Run([.. Quick, .. settings, "--threads", "1", "--out", whole]).ExitCode);

        // Killed at various steps: in the middle of epochs, between them, and while a file is being written.
        int kills = 0;
        string[] arguments = [.. Quick, .. settings, "--threads", "2", "--out", killed];
        for (int at = 1; at <= 7; at += 2)
        {
            using Process process = AsclProcess.Start(arguments);
            while (!process.HasExited && StepsDone(killed) < at)
                Thread.Sleep(1);
            if (!process.HasExited)
            {
                process.Kill();
                kills++;
            }
            process.WaitForExit();
            if (Directory.Exists(killed))
                arguments = ["train", "--resume", killed, "--threads", $"{1 + kills % 2}"];
        }
        Assert.True(kills >= 2, $"only {kills} kills hit a running process");
        ProcessResult last = AsclProcess.Run(arguments);
        Assert.True(last.ExitCode == 0, last.Error);

        string[] weights = [.. Directory.EnumerateFiles(whole, "*.safetensors").Select(file => Path.GetFileName(file)!)];
        Assert.Equal(settings.Length > 0 ? 5 : 3, weights.Length);
        foreach (string file in weights.Where(file => file != "state.safetensors"))
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, file)), File.ReadAllBytes(Path.Combine(killed, file)));
        Assert.Equal(Metrics(whole), Metrics(killed));
        // Work that was lost in a kill and repeated counts once.
        Assert.Equal(Passes(whole), Passes(killed));
    }

    [Fact]
    public void SummaryReportsPassesAndOperations()
    {
        string run = Path.Combine(folder, "run");
        Assert.Equal(0, AsclProcess.Run([.. With("--validation", "0"), "--method", "pgd-at", "--out", run]).ExitCode);
        // Each of 420 images: 2 attack steps, a training step and a natural forward pass. After each of 2 epochs, 128 images: FGSM, PGD-10,
        // a check of the adversarial images of each, and the gradient probe.
        var (forward, backward, gflop) = Passes(run);
        Assert.Equal(2 * (420 * 4 + 128 * (1 + 1 + 10 + 1 + 1)), forward);
        Assert.Equal(2 * (420 * 3 + 128 * (1 + 10 + 1)), backward);
        // smallcnn (28-26-24, pooled, 10-8, pooled): 19.9 MFLOP per image forward; as much backward to the images, about twice that to the
        // weights as well.
        Assert.InRange(gflop, 0.0199 * (forward + backward), 0.0199 * (forward + 2 * backward));
        JsonNode summary = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "summary.json")))!;
        Assert.True(summary["cpu_seconds"]!.GetValue<double>() > 0);
        Assert.InRange(summary["peak_memory_bytes"]!.GetValue<long>(), 50L << 20, 4L << 30);
    }

    [Fact]
    public void TrainWritesRunFilesThatEvaluateReads()
    {
        string run = Path.Combine(folder, "run"), json = Path.Combine(folder, "a.json"), other = Path.Combine(folder, "b.json");
        ProcessResult result = AsclProcess.Run([.. Small, "--out", run]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("PGD-20", result.Output, StringComparison.Ordinal);
        JsonNode epoch = JsonNode.Parse(File.ReadLines(Path.Combine(run, "metrics.jsonl")).First())!;
        Assert.Equal(100, epoch["selection"]!["global"]!["positives"]!.GetValue<double>(), 6);
        Assert.InRange(epoch["selection"]!["leaked"]!["negatives"]!.GetValue<double>(), 0, 100);

        Assert.Equal(0, AsclProcess.Run("evaluate", "--weights", run, "--attack", "fgsm,pgd", "--steps", "5", "--restarts", "2", "--limit",
            "60", "--batch", "64", "--threads", "2", "--json", json).ExitCode);
        Assert.Equal(0, AsclProcess.Run("evaluate", "--weights", Path.Combine(run, "best.safetensors"), "--data", "sample", "--attack",
            "fgsm,pgd", "--steps", "5", "--restarts", "2", "--limit", "60",
            "--batch", "7", "--threads", "1", "--json", other).ExitCode);
        JsonNode a = JsonNode.Parse(File.ReadAllText(json))!, b = JsonNode.Parse(File.ReadAllText(other))!;
        Assert.Equal(60, a["count"]!.GetValue<int>());
        Assert.Equal(a["clean_accuracy"]!.GetValue<double>(), b["clean_accuracy"]!.GetValue<double>());
        Assert.Equal(a["worst_case_accuracy"]!.GetValue<double>(), b["worst_case_accuracy"]!.GetValue<double>());
        Assert.Equal(["FGSM", "PGD-5"], a["attacks"]!.AsArray().Select(x => x!["name"]!.GetValue<string>()));
        Assert.Equal(a["attacks"]!.AsArray().Select(x => x!["accuracy"]!.GetValue<double>()),
            b["attacks"]!.AsArray().Select(x => x!["accuracy"]!.GetValue<double>()));
        Assert.Equal(0, a["attacks"]![1]!["rejected"]!.GetValue<int>());
        Assert.True(a["worst_case_accuracy"]!.GetValue<double>() <= a["attacks"]!.AsArray().Min(x => x!["accuracy"]!.GetValue<double>()));

        AssertReportDescribesRun(run);
        Assert.Contains("holds a run already", AsclProcess.RefusalInProcess([.. Small, "--out", run]), StringComparison.Ordinal);
        Assert.Contains("--lr cannot be given", AsclProcess.RefusalInProcess("train", "--resume", run, "--lr", "0.5"),
            StringComparison.Ordinal);
        Assert.Contains("classes", AsclProcess.RefusalInProcess("evaluate", "--weights", run, "--data", $"file:{FileOf(12, 1, 28)}"),
            StringComparison.Ordinal);
    }

    private static void AssertReportDescribesRun(string run)
    {
        string page = Path.Combine(run, "report.html"), text = File.ReadAllText(page);
        JsonNode report = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "report.json")))!;
        string clean = (100 * report["clean_accuracy"]!.GetValue<double>()).ToString("F1", CultureInfo.InvariantCulture);
        Assert.Contains($"<td class=\"n\">60</td><td class=\"n\">{clean}</td>", text, StringComparison.Ordinal);
        Assert.Contains("ascl train --limit-train 420 --limit-test 60 --validation 100 ", text, StringComparison.Ordinal);
        Assert.Equal(24, text.Split("alt=\"adversarial\"").Length - 1);
        Assert.All(new[] { "http:", "https:", "<script", "<link" }, outside =>
            Assert.DoesNotContain(outside, text.Replace("http://www.w3.org/", "", StringComparison.Ordinal), StringComparison.Ordinal));
        foreach (string chart in new[] { "accuracy", "loss", "learning-rate", "weights", "probe", "positives", "negatives" })
            Assert.Equal("svg", XDocument.Load(Path.Combine(run, "plots", chart + ".svg")).Root!.Name.LocalName);

        Assert.Equal(["events.out.tfevents.0000000001.ascl", "events.out.tfevents.0000000002.ascl"],
            Directory.EnumerateFiles(Path.Combine(run, "tensorboard")).Select(Path.GetFileName).Order());

        // A run of an earlier version has fewer metrics.
        File.WriteAllLines(Path.Combine(run, "metrics.jsonl"), File.ReadAllLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
        {
            JsonObject metrics = JsonNode.Parse(line)!.AsObject();
            metrics["selection"] =
                JsonNode.Parse("""{"global": {"positives": 100, "negatives": 100}, "leaked": {"positives": 42.8, "negatives": 6.3}}""");
            metrics.Remove("probe");
            metrics.Remove("warnings");
            return metrics.ToJsonString();
        }));
        File.Delete(page);
        Assert.Equal(0, AsclProcess.Run("report", run).ExitCode);
        Assert.Contains("Selection", File.ReadAllText(page), StringComparison.Ordinal);
        File.Delete(Path.Combine(run, "report.json"));
        Assert.Contains($"finish it with ascl train --resume {run}", AsclProcess.RefusalInProcess("report", run), StringComparison.Ordinal);
    }

    /// <summary>A natural network is trained first; without one, nothing is written.</summary>
    [Fact]
    public void HelperBasedTrainingLearnsFromANaturalRun()
    {
        string natural = Path.Combine(folder, "natural"), hat = Path.Combine(folder, "hat");
        string[] helped = [.. Quick, "--method", "hat", "--out", hat];
        Assert.Contains("train --method natural", AsclProcess.RefusalInProcess(helped), StringComparison.Ordinal);
        Assert.Contains(natural, AsclProcess.RefusalInProcess([.. helped, "--natural", natural]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(hat));
        Assert.Equal(0, AsclProcess.Run([.. Quick, "--method", "natural", "--out", natural]).ExitCode);
        ProcessResult result = AsclProcess.Run([.. helped, "--natural", natural]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("helper_ce", File.ReadAllText(Path.Combine(hat, "metrics.jsonl")), StringComparison.Ordinal);
    }

    /// <summary>Pre-training, then a linear layer on the frozen encoder, then fine-tuning of the whole.</summary>
    [Fact]
    public void EncoderIsPreTrainedThenLinearlyEvaluatedThenFineTuned()
    {
        string encoder = Path.Combine(folder, "encoder"), linear = Path.Combine(folder, "linear"), tuned = Path.Combine(folder, "tuned");
        ProcessResult result = AsclProcess.Run(
            [.. Quick, "--method", "supcon", "--views", "2", "--strategy", "global", "--distance", "cosine", "--out", encoder]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains($"--method linear --from {encoder}", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, AsclProcess.Run([.. Quick, "--method", "linear", "--from", encoder, "--out", linear]).ExitCode);
        Assert.Equal(0,
            AsclProcess.Run([.. Quick, "--method", "pgd-at", "--from", Path.Combine(linear, "best.safetensors"), "--out", tuned]).ExitCode);

        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(encoder, "best.safetensors")),
            after = SafetensorsFile.Open(Path.Combine(linear, "best.safetensors")),
            whole = SafetensorsFile.Open(Path.Combine(tuned, "best.safetensors"));
        foreach (string name in after.Names)
        {
            bool isEncoder = !name.StartsWith("linear.", StringComparison.Ordinal);
            Assert.Equal(isEncoder, before.ReadFloats(name).SequenceEqual(after.ReadFloats(name)));
            Assert.NotEqual(after.ReadFloats(name), whole.ReadFloats(name));
        }
        Assert.DoesNotContain("projection.weight", after.Names);
        Assert.Contains("silu",
            AsclProcess.RefusalInProcess([.. Quick, "--method", "linear", "--from", SiluFile(), "--out", Path.Combine(folder, "refused")]),
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "refused")));

        // Once begun, a run does not need its starting weights any more.
        Directory.Delete(linear, recursive: true);
        File.Delete(Path.Combine(tuned, "report.json"));
        Assert.Equal(0, AsclProcess.Run("train", "--resume", tuned).ExitCode);
        Assert.True(File.Exists(Path.Combine(tuned, "report.json")));

        string SiluFile()
        {
            string path = Path.Combine(folder, "silu.safetensors");
            using Kernels.Devices.CpuDevice device = new(1);
            Models.Checkpoints.ClassifierFile.Save(path, new(device, new(Network, 1, 10, [], [], Activation: Models.Activation.Silu)));
            return path;
        }
    }

    [Fact]
    public void TimingTheFirstStepsForABudgetChangesNothing()
    {
        string[] small = [.. Quick, "--method", "natural"];
        string few = Path.Combine(folder, "few"), given = Path.Combine(folder, "given");
        string[] budgeted = [.. small.TakeWhile(a => a != "--epochs"), .. small.SkipWhile(a => a != "--epochs").Skip(2)];
        ProcessResult result = AsclProcess.Run([.. budgeted, "--budget", "0.001s", "--out", few]);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains("1 epoch of", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, AsclProcess.Run([.. budgeted, "--epochs", "1", "--out", given]).ExitCode);
        Assert.Equal(File.ReadAllBytes(Path.Combine(given, "last.safetensors")), File.ReadAllBytes(Path.Combine(few, "last.safetensors")));
        Assert.Equal("--budget chooses the number of epochs: it cannot be given with --resume",
            AsclProcess.RefusalInProcess("train", "--resume", few, "--budget", "1min"));
    }

    [Fact]
    public void NonFiniteLossStopsTrainingAndNamesTheTerm()
    {
        ProcessResult result = AsclProcess.Run([.. With("--lr", "1e20"), "--out", Path.Combine(folder, "nan")]);
        Assert.Equal(2, result.ExitCode);
        Assert.Matches("training stopped in epoch 1, step [0-9]+: the term [a-z_]+ of the loss is (NaN|-?Infinity); "
            + "last good checkpoint: .*state.safetensors", result.Error);
        Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void FullDiskStopsTrainingAndKeepsTheLastState()
    {
        string run = Path.Combine(folder, "full");
        Assert.Equal(0, AsclProcess.Run([.. With("--epochs", "1"), "--out", run]).ExitCode);
        byte[] before = File.ReadAllBytes(Path.Combine(run, "state.safetensors"));
        File.WriteAllText(Path.Combine(run, "config.json"),
            File.ReadAllText(Path.Combine(run, "config.json")).Replace("\"epochs\": 1", "\"epochs\": 2", StringComparison.Ordinal));
        // A file size limit of 200 kB makes saving fail halfway, like a full disk.
        const string limit = "trap '' XFSZ; ulimit -f 200; export DOTNET_EnableWriteXorExecute=0";
        string script = $"{limit}; exec dotnet '{AsclProcess.Program}' train --resume '{run}'";
        ProcessResult result = AsclProcess.Run(new ProcessStartInfo("bash", ["-c", script]));
        Assert.Equal(2, result.ExitCode);
        Assert.Matches("^ascl: error: cannot write .*state.safetensors: ", result.Error);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(run, "state.safetensors")));
        Assert.Empty(Directory.EnumerateFiles(run, "*.tmp*"));
    }

    [Theory]
    [InlineData("unknown model 'resnet81': did you mean resnet18?", "train", "--model", "resnet81")]
    [InlineData("unknown method 'acsl': did you mean ascl?", "train", "--method", "acsl")]
    [InlineData("epsilon", "train", "--epsilon", "8")]
    [InlineData("smallcnn takes images of 28x28 pixels", "train", "--model", "smallcnn", "--validation", "0", "--data", "file:{images}")]
    [InlineData("no such file", "evaluate", "--weights", "missing.safetensors", "--data", "sample")]
    [InlineData("not a safetensors file", "evaluate", "--weights", "{text}", "--data", "sample")]
    [InlineData("does not say what network", "evaluate", "--weights", "{images}", "--data", "sample")]
    [InlineData("unknown attack 'pdg': did you mean pgd?", "evaluate", "--weights", "{images}", "--model", "smallcnn", "--data", "sample",
        "--attack", "pdg")]
    [InlineData("holds no run", "train", "--resume", "{folder}")]
    public void InvalidInputIsAOneLineError(string expected, params string[] arguments)
    {
        string text = Path.Combine(folder, "text.txt"), images = FileOf(10, 3, 16);
        File.WriteAllText(text, "this is not a file of weights, whatever its name says");
        string[] real =
        [
            .. arguments.Select(a => a.Replace("{text}", text, StringComparison.Ordinal)
                .Replace("{images}", images, StringComparison.Ordinal).Replace("{folder}", folder, StringComparison.Ordinal)),
        ];
        if (real[0] == "train" && !real.Contains("--resume"))
            real = [.. real, "--out", Path.Combine(folder, "refused")];
        string before = string.Join('\n', Directory.EnumerateFileSystemEntries(folder).Order());
        ProcessResult result = AsclProcess.Run(real);
        Assert.Equal(2, result.ExitCode);
        string line = Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("ascl: error: ", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories), f => f != images);
        Assert.StartsWith(before, string.Join('\n', Directory.EnumerateFileSystemEntries(folder).Order()), StringComparison.Ordinal);
    }

    [Fact]
    public void ReportDescribesHowDataWereRead()
    {
        string run = Path.Combine(folder, "run"), images = Path.Combine(folder, "parts.safetensors");
        SafetensorsWriter writer = new();
        foreach (string part in new[] { "train", "val" })
        {
            writer.Add($"{part}.images", [8, 1, 8, 8], [.. Enumerable.Range(0, 8 * 64).Select(i => (byte)i)]);
            writer.Add($"{part}.labels", [8], [.. Enumerable.Range(0, 8).Select(i => (long)(i % 2))]);
        }
        writer.Save(images);
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{images}", "--method", "natural", "--epochs", "1", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("val is read as the test part", File.ReadAllText(Path.Combine(run, "report.html")), StringComparison.Ordinal);
    }

    /// <summary>Images that smallcnn does not take, and too few for the usual validation and test parts.</summary>
    [Fact]
    public void DefaultNetworkAndValidationFollowFromTheImages()
    {
        string run = Path.Combine(folder, "run");
        ProcessResult result =
            AsclProcess.Run("train", "--data", $"file:{FileOf(3, 1, 8)}", "--method", "natural", "--epochs", "1", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal("resnet20", JsonNode.Parse(File.ReadAllText(Path.Combine(run, "config.json")))!["model"]!.GetValue<string>());
        Assert.Contains("best checkpoint by 1 validation images", File.ReadAllText(Path.Combine(run, "report.html")),
            StringComparison.Ordinal);
        ProcessResult more = AsclProcess.Run("train", "--resume", run, "--epochs", "2");
        Assert.True(more.ExitCode == 0, more.Error);
        Assert.Contains("the cosine schedule now ends with epoch 2", more.Output, StringComparison.Ordinal);
        Assert.Equal(2, File.ReadLines(Path.Combine(run, "metrics.jsonl")).Count());
    }

    /// <summary>Of two classes a network learns one, and FGSM's images of it, first of all. The last lines say why training ended; a
    /// resumed run stays ended.</summary>
    [Fact]
    public void CatastrophicOverfittingEndsTrainingAndSaysSo()
    {
        string run = Path.Combine(folder, "run"), images = Path.Combine(folder, "two.safetensors");
        SafetensorsWriter writer = new();
        foreach (var (part, count) in new[] { ("train", 40), ("test", 8) })
        {
            writer.Add($"{part}.images", [count, 1, 8, 8], [.. Enumerable.Range(0, count * 64).Select(i =>
                (byte)((i / 64 * (i / 64) * 31 + i % 64 * (i % 64) * 17 + i / 64 * (i % 64) * 7) % 200 + 50 * (i / 64 % 2)))]);
            writer.Add($"{part}.labels", [count], [.. Enumerable.Range(0, count).Select(i => (long)(i % 2))]);
        }
        writer.Save(images);
        const string Ended = "catastrophic overfitting in epoch 1 of 3 (on-overfitting stop); the best weights are those of epoch 1";
        ProcessResult result = AsclProcess.Run("train", "--data", $"file:{images}", "--epochs", "3", "--batch", "8", "--validation", "8",
            "--method", "pgd-at", "--attack-steps", "1", "--start", "none", "--epsilon", "0.3", "--model", Network, "--on-overfitting",
            "stop", "--out", run);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains($"training has ended: {Ended}", result.Output, StringComparison.Ordinal);
        Assert.Contains("1 of 3 epochs", File.ReadAllText(Path.Combine(run, "report.html")), StringComparison.Ordinal);
        Assert.Contains($"resuming a run that has ended: {Ended}", AsclProcess.Run("train", "--resume", run, "--epochs", "5").Output
            .Replace("of 5", "of 3", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Single(File.ReadLines(Path.Combine(run, "metrics.jsonl")));
    }

    /// <summary>The arguments of a small run, with another value for one option.</summary>
    private static string[] With(string option, string value)
    {
        string[] arguments = [.. Small];
        arguments[Array.IndexOf(arguments, option) + 1] = value;
        return arguments;
    }

    /// <summary>A data set of two images of each class.</summary>
    private string FileOf(int classes, int channels, int size)
    {
        string path = Path.Combine(folder, "images.safetensors");
        SafetensorsWriter writer = new();
        writer.Add("images", [2 * classes, channels, size, size],
            [.. Enumerable.Range(0, 2 * classes * channels * size * size).Select(i => (byte)i)]);
        writer.Add("labels", [2 * classes], [.. Enumerable.Range(0, 2 * classes).Select(i => (long)(i % classes))]);
        writer.Save(path);
        return path;
    }

    /// <summary>Number of training steps in the saved state; −1 if there is none yet.</summary>
    private static int StepsDone(string run)
    {
        const int StepsPerEpoch = 5;
        string state = Path.Combine(run, "state.safetensors");
        if (!File.Exists(state))
            return -1;
        using SafetensorsFile file = SafetensorsFile.Open(state);
        JsonNode progress = JsonNode.Parse(file.Metadata["progress"])!;
        return progress["epoch"]!.GetValue<int>() * StepsPerEpoch + progress["step"]!.GetValue<int>();
    }

    private static (long Forward, long Backward, double Gflop) Passes(string run)
    {
        JsonNode summary = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "summary.json")))!;
        return (summary["forward_passes"]!.GetValue<long>(), summary["backward_passes"]!.GetValue<long>(),
            Math.Round(summary["gflop"]!.GetValue<double>(), 3));
    }

    /// <summary>The metrics without timings.</summary>
    private static string Metrics(string run)
    {
        IEnumerable<string> lines = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line =>
        {
            JsonObject metrics = JsonNode.Parse(line)!.AsObject();
            metrics.Remove("seconds");
            metrics.Remove("images_per_second");
            return metrics.ToJsonString();
        });
        return string.Join('\n', lines);
    }
}
