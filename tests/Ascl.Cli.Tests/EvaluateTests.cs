using System.Diagnostics;
using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Evaluations in real processes: the cascade, resuming after a kill, saved images.</summary>
public sealed class EvaluateTests(TrainedRun trained) : IClassFixture<TrainedRun>, IDisposable
{
    private static readonly string[] Strong =
        ["--attack", "fgsm,autoattack", "--epsilon", "0.06", "--queries", "40", "--limit", "70", "--batch", "16", "--threads", "2"];

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-evaluate").FullName;
    private readonly string run = trained.Path;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void KilledAndResumedEvaluationGivesTheSameResultAndReplayConfirmsIt()
    {
        string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
        ProcessResult result = AsclProcess.Run(["evaluate", "--weights", run, .. Strong, "--out", whole]);
        Assert.True(result.ExitCode == 0, result.Error);

        int kills = 0;
        Dictionary<string, DateTime> written = [];
        foreach (var (attack, batches) in new[] { ("000", 2), ("001", 1), ("003", 1), ("004", 1) })
        {
            using Process process = AsclProcess.Start(["evaluate", "--weights", run, .. Strong, "--out", killed]);
            while (!process.HasExited && !HasSaved(attack, batches))
                Thread.Sleep(1);
            if (!process.HasExited)
            {
                process.Kill();
                kills++;
            }
            process.WaitForExit();
            // Finished batches are not repeated: a kill loses at most one.
            Dictionary<string, DateTime> now = Directory.EnumerateFiles(Path.Combine(killed, "chunks"), "*.safetensors")
                .ToDictionary(path => path, File.GetLastWriteTimeUtc);
            Assert.All(written, file => Assert.Equal(file.Value, now[file.Key]));
            Assert.True(now.Count > written.Count, "the resumed process did nothing new");
            written = now;
        }
        Assert.True(kills >= 2, $"only {kills} kills hit a running process");
        ProcessResult last = AsclProcess.Run(["evaluate", "--weights", run, .. Strong, "--out", killed]);
        Assert.True(last.ExitCode == 0, last.Error);
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "adversarial.safetensors")),
            File.ReadAllBytes(Path.Combine(killed, "adversarial.safetensors")));
        Assert.Equal(Report(whole), Report(killed));

        // Each attack was tried only on the images that survived those before it.
        JsonArray attacks = JsonNode.Parse(Report(whole))!["attacks"]!.AsArray();
        Assert.Equal(["FGSM", "APGD-CE", "APGD-T", "FAB-T", "Square"], attacks.Select(a => a!["name"]!.GetValue<string>()));
        for (int a = 1; a < attacks.Count; a++)
            Assert.Equal(attacks[a - 1]!["attacked"]!.GetValue<int>() - attacks[a - 1]!["turned"]!.GetValue<int>(),
                attacks[a]!["attacked"]!.GetValue<int>());
        Assert.True(attacks.Sum(a => a!["turned"]!.GetValue<int>()) >= 5);

        string images = Path.Combine(whole, "adversarial.safetensors");
        ProcessResult replay = AsclProcess.Run("evaluate", "--weights", run, "--replay", images);
        Assert.Equal(0, replay.ExitCode);
        Assert.Contains("rounded to 8 bits", replay.Output, StringComparison.Ordinal);

        // Replay detects an image that was moved out of the ball.
        string tampered = Path.Combine(folder, "tampered.safetensors");
        Tamper(images, tampered);
        ProcessResult found = AsclProcess.Run("evaluate", "--weights", run, "--replay", tampered);
        Assert.Equal(1, found.ExitCode);
        int count = attacks.Sum(a => a!["turned"]!.GetValue<int>());
        Assert.Matches($@"as they are\s+{count - 1}\s", found.Output);

        bool HasSaved(string attack, int batches) => Directory.Exists(Path.Combine(killed, "chunks"))
            && Directory.EnumerateFiles(Path.Combine(killed, "chunks"), $"{attack}-*.safetensors").Count() >= batches;
    }

    [Fact]
    public void ResultDoesNotDependOnBatchSizeAndEachAttacksAllCorrectImages()
    {
        string[] images = ["--attack", "fgsm,pgd,apgd-ce", "--epsilon", "0.02", "--limit", "50", "--threads", "2"];
        string a = Path.Combine(folder, "a.json"), b = Path.Combine(folder, "b.json"), each = Path.Combine(folder, "each.json");
        Assert.Equal(0, AsclProcess.Run(["evaluate", "--weights", run, .. images, "--batch", "50", "--json", a]).ExitCode);
        Assert.Equal(0, AsclProcess.Run(["evaluate", "--weights", run, .. images, "--batch", "9", "--json", b]).ExitCode);
        Assert.Equal(0, AsclProcess.Run(["evaluate", "--weights", run, .. images, "--each", "--json", each]).ExitCode);
        Assert.Equal(WithoutTimes(a), WithoutTimes(b));
        JsonNode cascade = JsonNode.Parse(File.ReadAllText(a))!, alone = JsonNode.Parse(File.ReadAllText(each))!;
        Assert.Equal(cascade["worst_case_accuracy"]!.GetValue<double>(), alone["worst_case_accuracy"]!.GetValue<double>());
        Assert.Equal(cascade["worst_case_accuracy"]!.GetValue<double>(), cascade["attacks"]![2]!["accuracy"]!.GetValue<double>());
        Assert.Single(alone["attacks"]!.AsArray().Select(attack => attack!["attacked"]!.GetValue<int>()).Distinct());
        double weighted =
            cascade["classes"]!.AsArray().Sum(c => c!["count"]!.GetValue<int>() * c["robust_accuracy"]!.GetValue<double>()) / 50;
        Assert.Equal(cascade["worst_case_accuracy"]!.GetValue<double>(), weighted, 9);
    }

    [Fact]
    public void StudyWritesReportLatentsAndPlots()
    {
        string study = Path.Combine(folder, "study");
        ProcessResult result = AsclProcess.Run("study", run, "--limit", "40", "--steps", "3", "--out", study);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("R-DIV", result.Output, StringComparison.Ordinal);
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(study, "run", "study.json")))!;
        JsonNode latent = json["stages"]!.AsArray().First(s => s!["stage"]!.GetValue<string>() == "latent")!["natural"]![0]!;
        Assert.Equal(latent["intra"]!.GetValue<double>() / latent["inter"]!.GetValue<double>(), latent["ratio"]!.GetValue<double>(), 9);
        using SafetensorsFile latents = SafetensorsFile.Open(Path.Combine(study, "run", "latents.safetensors"));
        Assert.Equal([40, 1024], latents.Shape("natural"));
        Assert.All(new[] { "natural.svg", "adversarial.svg" },
            picture => Assert.StartsWith("<svg", File.ReadAllText(Path.Combine(study, "run", picture)), StringComparison.Ordinal));
        Assert.All(new[] { "l2", "cosine", "linf" }, distance => Assert.Contains("feature_extractor.conv2",
            File.ReadAllText(Path.Combine(study, "run", $"divergence-{distance}.svg")), StringComparison.Ordinal));
        Assert.Contains("holds no run", AsclProcess.RefusalInProcess("study", folder), StringComparison.Ordinal);
    }

    /// <summary>A run and copies of it with more and more noise on the last layer: less accurate, same natural latents, other adversarial
    /// images.</summary>
    [Fact]
    public void StudyOfSeveralRunsCorrelatesDivergenceWithRobustAccuracy()
    {
        string study = Path.Combine(folder, "study");
        string[] runs = [run, DisturbedCopy("second", 0.5f), DisturbedCopy("third", 2)];
        ProcessResult result = AsclProcess.Run(["study", .. runs, "--limit", "40", "--steps", "3", "--epsilon", "0.02", "--out", study]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("over 3 classifiers", result.Output, StringComparison.Ordinal);
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(study, "comparison.json")))!;
        JsonArray studies = json["studies"]!.AsArray(), correlations = json["correlations"]!.AsArray();
        Assert.Equal(["run", "second", "third"], studies.Select(s => s!["name"]!.GetValue<string>()));
        Assert.Equal(9, correlations.Count);
        double[] ratios = [.. studies.Select(s => Latent(s!)["adversarial"]![0]!["ratio"]!.GetValue<double>())],
            accuracies = [.. studies.Select(s => s!["robust_accuracy"]!.GetValue<double>())];
        double sign = Math.Sign(Product(0, 1) + Product(0, 2) + Product(1, 2));
        Assert.NotEqual(0, sign);
        JsonNode correlation = correlations.First(c =>
            (c!["distance"]!.GetValue<string>(), c["pairs"]!.GetValue<string>()) == ("l2", "adversarial"))!;
        Assert.Equal(sign, Math.Sign(correlation["value"]!.GetValue<double>()));
        Assert.All(runs, path => Assert.Contains($">{Path.GetFileName(path)}<",
            File.ReadAllText(Path.Combine(study, "divergence-cosine.svg")), StringComparison.Ordinal));
        string same = Path.Combine(folder, "other", "run");
        Directory.CreateDirectory(same);
        foreach (string file in new[] { "config.json", "best.safetensors" })
            File.Copy(Path.Combine(run, file), Path.Combine(same, file));
        Assert.Contains("have the same name, run", AsclProcess.RefusalInProcess("study", run, same), StringComparison.Ordinal);

        double Product(int i, int j) => (ratios[i] - ratios[j]) * (accuracies[i] - accuracies[j]);

        static JsonNode Latent(JsonNode study) => study["stages"]!.AsArray().First(s => s!["stage"]!.GetValue<string>() == "latent")!;
    }

    /// <summary>A copy of the run with noise on the last layer.</summary>
    private string DisturbedCopy(string name, float strength)
    {
        string copy = Path.Combine(folder, name);
        Directory.CreateDirectory(copy);
        File.Copy(Path.Combine(run, "config.json"), Path.Combine(copy, "config.json"));
        using CpuDevice device = new(1);
        Classifier model = ClassifierFile.Load(device, Path.Combine(run, "best.safetensors"));
        Tensor last = model.Parameters.All.First(p => p.Name == "classifier.fc3.weight").Tensor;
        last.Data.CopyFrom([.. last.ToArray().Select((w, i) => w + strength * 0.1f * MathF.Sin(i * i))]);
        ClassifierFile.Save(Path.Combine(copy, "best.safetensors"), model);
        return copy;
    }

    [Fact]
    public void AccuracyFallsWithEpsilonAndReportKeepsCurveAndChecks()
    {
        string kept = Path.Combine(folder, "kept");
        ProcessResult result = AsclProcess.Run("evaluate", "--weights", run, "--limit", "40", "--attack", "pgd", "--epsilons", "0,0.05,0.5",
            "--checks", "--check-images", "20", "--out", kept);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonNode report = JsonNode.Parse(File.ReadAllText(Path.Combine(kept, "report.json")))!;
        double[] curve = [.. report["curve"]!.AsArray().Select(p => p!["accuracy"]!.GetValue<double>())];
        Assert.Equal(report["clean_accuracy"]!.GetValue<double>(), curve[0]);
        Assert.True(curve[0] > curve[1] && curve[1] > curve[2], string.Join(" ", curve));
        Assert.Equal(9, report["findings"]!.AsArray().Count);
        Assert.Contains("Accuracy by ε", File.ReadAllText(Path.Combine(kept, "report.html")), StringComparison.Ordinal);
        Assert.Contains("| PGD-20 | linf | 8/255 |", File.ReadAllText(Path.Combine(kept, "report.md")), StringComparison.Ordinal);

        // The same command again attacks nothing and prints the same results.
        ProcessResult again = AsclProcess.Run("evaluate", "--weights", run, "--limit", "40", "--attack", "pgd", "--epsilons", "0,0.05,0.5",
            "--checks", "--check-images", "20", "--out", kept, "--json", Path.Combine(folder, "again.json"));
        Assert.Contains("nothing was attacked again", again.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(kept, "report.json")), File.ReadAllText(Path.Combine(folder, "again.json")));
        Assert.Contains("linf epsilon 0.05: ", again.Output, StringComparison.Ordinal);
        // With another number of images the checks run again.
        string more = AsclProcess.Run("evaluate", "--weights", run, "--limit", "40", "--attack", "pgd", "--checks", "--check-images", "30",
            "--out", kept).Output;
        Assert.Contains("checks on the first 30 images", more, StringComparison.Ordinal);
        Assert.Contains("linf epsilon 0.05: ", more, StringComparison.Ordinal);
        // A finished curve is kept, also without --epsilons.
        Assert.Contains("linf epsilon 0.05: ",
            AsclProcess.Run("evaluate", "--weights", run, "--limit", "40", "--attack", "pgd", "--out", kept).Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("nothing was attacked again",
            AsclProcess.Run("evaluate", "--weights", run, "--limit", "40", "--attack", "pgd", "--epsilons", "0.05", "--out", kept).Error,
            StringComparison.Ordinal);
        Assert.Contains("option --epsilons: '-1' is negative",
            AsclProcess.RefusalInProcess("evaluate", "--weights", run, "--epsilons", "0,-1"), StringComparison.Ordinal);
    }

    [Fact]
    public void ReplayConfirmsImagesOfL2Attacks()
    {
        string kept = Path.Combine(folder, "kept");
        ProcessResult result = AsclProcess.Run("evaluate", "--weights", run, "--limit", "30", "--attack", "square,fab,pgd-kl", "--norm",
            "l2", "--epsilon", "4", "--step-size", "1", "--queries", "300", "--each", "--out", kept);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonArray attacks = JsonNode.Parse(Report(kept))!["attacks"]!.AsArray();
        Assert.Equal(["Square", "FAB", "PGD-20 (KL)"], attacks.Select(a => a!["name"]!.GetValue<string>()));
        Assert.All(attacks, a => Assert.True(a!["turned"]!.GetValue<int>() > 0 && a["rejected"]!.GetValue<int>() == 0, a.ToJsonString()));
        Assert.Equal(0, AsclProcess.Run("evaluate", "--weights", run, "--replay", Path.Combine(kept, "adversarial.safetensors")).ExitCode);
    }

    /// <summary>The protection of existing files does not apply to devices.</summary>
    [Fact]
    public void JsonCanBeWrittenToADevice()
    {
        if (!File.Exists("/dev/stdout"))
            return;
        ProcessResult result = AsclProcess.Run("evaluate", "--weights", run, "--limit", "5", "--attack", "noise", "--json", "/dev/stdout");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("\"clean_accuracy\"", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void UnusedAttackOptionsAreReported()
    {
        ProcessResult result = AsclProcess.Run("evaluate", "--weights", run, "--limit", "5", "--attack", "fgsm", "--restarts", "5",
            "--steps", "3", "--queries", "7", "--epsilon", "0");
        Assert.Contains("steps, restarts, queries: not used by fgsm", result.Error, StringComparison.Ordinal);
        Assert.Contains("epsilon is 0: no attack can change an image", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("not used by",
            AsclProcess.Run("evaluate", "--weights", run, "--limit", "5", "--attack", "pgd", "--restarts", "1", "--steps", "3").Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ReportOfAnotherEvaluationIsRefused()
    {
        string kept = Path.Combine(folder, "kept"), other = Path.Combine(folder, "other");
        string[] line = ["evaluate", "--weights", run, "--limit", "10"];
        Assert.Equal(0, AsclProcess.Run([.. line, "--attack", "pgd", "--out", kept]).ExitCode);
        Assert.Equal(0, AsclProcess.Run([.. line, "--attack", "noise", "--out", other]).ExitCode);
        File.Copy(Path.Combine(other, "report.json"), Path.Combine(kept, "report.json"), overwrite: true);
        Assert.Contains("is not of the evaluation in", AsclProcess.RefusalInProcess([.. line, "--attack", "pgd", "--out", kept]),
            StringComparison.Ordinal);
    }

    [Fact]
    public void FolderOfAnotherEvaluationIsRefused()
    {
        string kept = Path.Combine(folder, "kept");
        Assert.Equal(0, AsclProcess.Run("evaluate", "--weights", run, "--limit", "10", "--out", kept).ExitCode);
        Assert.Contains("holds an evaluation with images 10, not 11",
            AsclProcess.RefusalInProcess("evaluate", "--weights", run, "--limit", "11", "--out", kept), StringComparison.Ordinal);
        Assert.Contains("is not empty", AsclProcess.RefusalInProcess("evaluate", "--weights", run, "--out", run), StringComparison.Ordinal);
        Assert.Contains("holds no adversarial images",
            AsclProcess.RefusalInProcess("evaluate", "--weights", run, "--replay", Path.Combine(run, "best.safetensors")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void MinimalEpsilonIsReportedAndResumesAfterAKill()
    {
        string[] asked = ["evaluate", "--weights", run, "--attack", "brendel-bethge", "--minimal-epsilon", "--limit", "10", "--batch", "4",
            "--threads", "2"];
        string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed"), chunks = Path.Combine(killed, "chunks");
        ProcessResult result = AsclProcess.Run([.. asked, "--out", whole]);
        Assert.True(result.ExitCode == 0, result.Error);
        using (Process process = AsclProcess.Start([.. asked, "--out", killed]))
        {
            while (!process.HasExited && !(Directory.Exists(chunks) && Directory.EnumerateFiles(chunks, "sizes-*").Any()))
                Thread.Sleep(1);
            Assert.False(process.HasExited, "the evaluation ended before it could be killed");
            process.Kill();
            process.WaitForExit();
        }
        Assert.Equal(0, AsclProcess.Run([.. asked, "--out", killed]).ExitCode);
        Assert.Equal(Report(whole), Report(killed));
        foreach (string file in new[] { "sizes.safetensors", "adversarial.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, file)), File.ReadAllBytes(Path.Combine(killed, file)));

        // Every figure can be computed from the sizes.
        JsonNode report = JsonNode.Parse(Report(whole))!, minimal = report["minimal_epsilon"]!;
        using SafetensorsFile kept = SafetensorsFile.Open(Path.Combine(whole, "sizes.safetensors"));
        float[] sizes = kept.ReadFloats("sizes");
        Assert.Equal(10, sizes.Length);
        Assert.Equal(report["clean_accuracy"]!.GetValue<double>(), sizes.Count(size => size > 0) / 10.0, 9);
        Assert.Equal(sizes.Order().ElementAt(4), minimal["median"]!.GetValue<double>(), 1e-6);
        Assert.Equal(sizes.Count(size => size > 8 / 255.0 + 1e-6) / 10.0, minimal["accuracy"]!.GetValue<double>(), 9);
        // Images that the search flipped count as not robust, and a later command without --minimal-epsilon keeps the results.
        Assert.True(report["worst_case_accuracy"]!.GetValue<double>() <= minimal["accuracy"]!.GetValue<double>());
        Assert.Equal(0, AsclProcess.Run([.. asked.Where(a => a != "--minimal-epsilon"), "--out", whole, "--epsilons", "0.01"]).ExitCode);
        Assert.NotNull(JsonNode.Parse(File.ReadAllText(Path.Combine(whole, "report.json")))!["minimal_epsilon"]);
        foreach (string file in new[] { "sizes.safetensors", "adversarial.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(killed, file)), File.ReadAllBytes(Path.Combine(whole, file)));
        // The unbounded search finds at least as many as the bounded attacks.
        Assert.True(minimal["accuracy"]!.GetValue<double>() <= report["worst_case_accuracy"]!.GetValue<double>());
        Assert.Contains(
            "smallest linf perturbations found by DeepFool, FAB-T and Brendel & Bethge", result.Output, StringComparison.Ordinal);
        Assert.Contains("Smallest perturbations", File.ReadAllText(Path.Combine(whole, "report.html")), StringComparison.Ordinal);
        Assert.Contains("works only in linf",
            AsclProcess.RefusalInProcess("evaluate", "--weights", run, "--attack", "brendel-bethge", "--norm", "l2"),
            StringComparison.Ordinal);
    }

    private static void Tamper(string from, string to)
    {
        using SafetensorsFile file = SafetensorsFile.Open(from);
        float[] images = file.ReadFloats("images");
        images[0] = images[0] > 0.5f ? 0 : 1;
        SafetensorsWriter writer = new();
        writer.Add("images", file.Shape("images"), images);
        foreach (string name in new[] { "labels", "ids", "attacks" })
            writer.Add(name, file.Shape(name), file.ReadIntegers(name));
        foreach (var (key, value) in file.Metadata)
            writer.Metadata[key] = value;
        writer.Save(to);
    }

    private static string Report(string folder) => WithoutTimes(Path.Combine(folder, "report.json"));

    private static string WithoutTimes(string path)
    {
        JsonObject report = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        report.Remove("seconds");
        report["minimal_epsilon"]?.AsObject().Remove("seconds");
        foreach (JsonNode? attack in report["attacks"]!.AsArray())
            attack!.AsObject().Remove("seconds");
        return report.ToJsonString();
    }
}
