using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Runs that go on: to more epochs, on the images they began with, from a state that is there.</summary>
public sealed class ResumedRunTests : IDisposable
{
    private readonly TinyRun runs = new();

    /// <summary>A piecewise schedule knows nothing of the end: one epoch and then another are the same bits as two.</summary>
    [Fact]
    public void ResumingForMoreEpochsGivesTheSameBits()
    {
        RunConfig three = TinyRun.Config.With(("schedule", "piecewise"), ("milestones", new JsonArray(1)), ("epochs", 3));
        RunFolder two = runs.Train(three.With(("epochs", 2))).Folder;
        File.WriteAllText(two.ReportFile, "{}");
        RunFolder more = two.WithEpochs(3);
        // Nothing is lost before the run goes on; then what was told of two epochs is not told of three.
        Assert.True(File.Exists(two.ReportFile));
        Assert.ThrowsAny<UserErrorException>(() => TinyRun.GoOn(more, TinyRun.DataOf(seed: 2)));
        Assert.True(File.Exists(two.ReportFile) && RunFolder.Open(two.Path).Config.Training.Epochs == 2);
        Assert.Equal(runs.Train(three).Weights, TinyRun.GoOn(more));
        Assert.False(File.Exists(two.ReportFile));
        Assert.Equal(3, RunFolder.Open(two.Path).Config.Training.Epochs);
        Assert.Equal(3, two.Checkpoints.ReadMetrics().Count);
    }

    [Fact]
    public void FewerEpochsThanDoneAreRefused()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder;
        Assert.Contains("has completed 2 epochs already", Assert.Throws<UserErrorException>(() => folder.WithEpochs(1)).Message);
        Assert.Equal(2, RunFolder.Open(folder.Path).Config.Training.Epochs);
    }

    [Fact]
    public void ARunWithoutItsStateIsNotRestarted()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder;
        byte[] best = File.ReadAllBytes(folder.Checkpoints.BestFile);
        File.Delete(folder.Checkpoints.StateFile);
        Assert.Contains("state.safetensors", Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder)).Message);
        Assert.Equal(best, File.ReadAllBytes(folder.Checkpoints.BestFile));
    }

    /// <summary>What a run wrote and something else has changed is told by name, before any epoch is trained.</summary>
    [Fact]
    public void DamagedFilesAreRefusedBeforeTraining()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder.WithEpochs(3);
        string metrics = File.ReadAllText(folder.Checkpoints.MetricsFile);
        foreach (string damaged in new[] { metrics[..^30], "null\n", "{}\n", "[]\n" })
        {
            File.WriteAllText(folder.Checkpoints.MetricsFile, damaged);
            Assert.Contains("metrics.jsonl: line", Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder)).Message);
        }
        File.WriteAllText(folder.Checkpoints.MetricsFile, metrics);
        byte[] best = File.ReadAllBytes(folder.Checkpoints.BestFile);
        File.WriteAllBytes(folder.Checkpoints.BestFile, best[..^100]);
        Assert.Contains("best.safetensors", Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder)).Message);
        File.WriteAllBytes(folder.Checkpoints.BestFile, best);
        TinyRun.GoOn(folder);
    }

    /// <summary>A run that went on by an edited configuration would be of neither.</summary>
    [Theory]
    [InlineData("seed", "7")]
    [InlineData("lr", "0.011")]
    [InlineData("method", "\"natural\"")]
    [InlineData("batch", "24")]
    [InlineData("validation", "3")]
    public void AnEditedConfigurationIsRefused(string key, string value)
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder;
        JsonObject config = JsonNode.Parse(File.ReadAllText(folder.ConfigFile))!.AsObject();
        config[key] = JsonNode.Parse(value);
        config["epochs"] = 3;
        File.WriteAllText(folder.ConfigFile, config.ToJsonString());
        Assert.Contains($"{key} is {value}, but the run began with ",
            Assert.Throws<UserErrorException>(() => TinyRun.GoOn(RunFolder.Open(folder.Path))).Message);
    }

    [Fact]
    public void WeightsThatAreNotFiniteAreNotSaved()
    {
        // The only step there is overflows: no later loss would show it.
        RunFolder folder = runs.Create(TinyRun.Config.With(("epochs", 1), ("batch", 1000), ("awp-gamma", 1e30), ("validation", 0)));
        Assert.Contains("no longer finite", Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder)).Message);
        Assert.False(File.Exists(folder.Checkpoints.BestFile) || File.Exists(folder.Checkpoints.LastFile));
    }

    [Fact]
    public void ChangedImagesAreDetectedWithoutTheState()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder;
        File.Delete(folder.Checkpoints.StateFile);
        Assert.Null(folder.ImageChangeNote(TinyRun.Data));
        Assert.NotNull(folder.ImageChangeNote(TinyRun.DataOf(seed: 2)));
    }

    /// <summary>The files of a run belong together: no accuracy of one is told as that of another.</summary>
    [Fact]
    public void FilesOfAnotherRunAreRefused()
    {
        RunFolder one = runs.Train(TinyRun.Config).Folder, other = runs.Train(TinyRun.Config.With(("seed", 5))).Folder;
        Report(one);
        Report(other);
        Assert.NotNull(RunRecord.Read(one.Path).Report);
        byte[] report = File.ReadAllBytes(one.ReportFile), best = File.ReadAllBytes(one.Checkpoints.BestFile);
        // A report of the right weights, but within another ball.
        File.WriteAllText(one.ReportFile, File.ReadAllText(one.ReportFile).Replace("\"attacks\": []", """
            "attacks": [{"name": "FGSM", "norm": "linf", "epsilon": 0.004, "steps": 1, "restarts": 1,
                "accuracy": 1, "attacked": 1, "turned": 0, "rejected": 0, "seconds": 1}]
            """, StringComparison.Ordinal));
        Assert.Contains("report.json: is of attacks within linf 0.004, the run within linf 8/255",
            Assert.Throws<UserErrorException>(() => RunRecord.Read(one.Path)).Message);
        File.Copy(other.ReportFile, one.ReportFile, overwrite: true);
        Assert.Contains("report.json: is not of the weights in", Assert.Throws<UserErrorException>(() => RunRecord.Read(one.Path)).Message);
        File.WriteAllBytes(one.ReportFile, report);
        foreach (bool hasState in new[] { true, false })
        {
            if (!hasState)
                File.Delete(one.Checkpoints.StateFile);
            File.Copy(other.Checkpoints.BestFile, one.Checkpoints.BestFile, overwrite: true);
            Assert.Contains("best.safetensors: these weights are not of the run in",
                Assert.Throws<UserErrorException>(() => RunFolder.Open(one.Path)).Message);
            File.WriteAllBytes(one.Checkpoints.BestFile, best);
            RunFolder.Open(one.Path);
        }
        File.Copy(other.SummaryFile, one.SummaryFile, overwrite: true);
        Assert.Contains("but the run began with", Assert.Throws<UserErrorException>(() => RunFolder.Open(one.Path)).Message);

        static void Report(RunFolder folder)
        {
            using CpuDevice device = new(1);
            Evaluator evaluator = new(ClassifierFile.Load(device, folder.Checkpoints.BestFile), TinyRun.Data.Test, 16, 0);
            File.WriteAllText(folder.ReportFile, Evaluator.ToJson(
                evaluator.Annotate(evaluator.Run([], CancellationToken.None), folder.Checkpoints.BestFile, TinyRun.Data)));
        }
    }

    /// <summary>A run's accuracies are those of what it was trained with, not of what its configuration was changed to.</summary>
    [Fact]
    public void AnInconsistentConfigurationIsRefusedByEveryReader()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder;
        File.WriteAllText(folder.ConfigFile,
            File.ReadAllText(folder.ConfigFile).Replace("\"norm\": \"linf\"", "\"norm\": \"l2\"", StringComparison.Ordinal));
        Assert.Contains("norm is \"l2\", but the run began with \"linf\"",
            Assert.Throws<UserErrorException>(() => RunFolder.Open(folder.Path)).Message);
        Assert.Contains("norm is", Assert.Throws<UserErrorException>(() => RunRecord.Read(folder.Path)).Message);
        // The summary knows it too.
        File.Delete(folder.Checkpoints.StateFile);
        Assert.Contains("norm is", Assert.Throws<UserErrorException>(() => RunRecord.Read(folder.Path)).Message);
    }

    /// <summary>Images that occur twice come into both parts.</summary>
    [Fact]
    public void ValidationImagesAmongTrainingImagesAreNoted()
    {
        Data.ImageSet set = TinyRun.Data.Train;
        float[] pixels = new float[set.Count * set.ImageLength];
        for (int i = 0; i < set.Count; i++)
            set.CopyImage(i, pixels.AsSpan(i * set.ImageLength));
        Data.ImageSet twice =
            new("twice", set.ClassNames, set.Channels, set.Height, set.Width, [.. set.Labels, .. set.Labels], [.. pixels, .. pixels]);
        using CpuDevice device = new(1);
        string note = Assert.Single(
            new RunTraining(device, runs.Create(TinyRun.Config), new("twice", twice, TinyRun.Data.Test, Data.Augmentation.None)).Notes);
        Assert.Contains("validation images are also training images", note);
    }

    [Fact]
    public void ImagesSortedByClassAreWarnedOf()
    {
        Data.ImageSet set = TinyRun.Data.Train, sorted = set.Subset([.. Enumerable.Range(0, set.Count).OrderBy(i => set.Labels[i])]);
        using CpuDevice device = new(1);
        RunTraining trainer = new(device, runs.Create(TinyRun.Config.With(("limit-train", 20), ("validation", 0))),
            new("sorted", sorted, TinyRun.Data.Test, Data.Augmentation.None));
        Assert.Equal(["warning: the 20 training images are of 2 of 4 classes: are they sorted by class?"], trainer.Notes);
    }

    /// <summary>
    /// Under a cosine schedule three epochs and three more are not six: the summary says so. A piecewise one knows nothing of the end.
    /// </summary>
    [Theory]
    [InlineData("cosine", "2")]
    [InlineData("piecewise", "")]
    public void SummaryRecordsEarlierEpochCounts(string schedule, string earlier)
    {
        RunFolder folder = runs.Train(TinyRun.Config.With(("schedule", schedule), ("milestones", new JsonArray(1)))).Folder;
        TinyRun.GoOn(folder.WithEpochs(3));
        Assert.Equal(earlier, string.Join(",", RunSummary.Read(folder.SummaryFile)!.EarlierEpochs!));
    }

    /// <summary>The weights that a run starts from belong to what it is, by their content.</summary>
    [Fact]
    public void StartingWeightsChangeTheRunId()
    {
        RunFolder start = runs.Train(TinyRun.Config).Folder;
        string Id(RunConfig config) => RunSummary.Read(runs.Train(config).Folder.SummaryFile)!.Id!;
        RunConfig started = TinyRun.Config.With(("from", start.Path));
        string first = Id(started), again = Id(started.With(("threads", 2)));
        File.Copy(runs.Train(TinyRun.Config.With(("seed", 9))).Folder.Checkpoints.BestFile, start.Checkpoints.BestFile, overwrite: true);
        string other = Id(started.With(("from", start.Checkpoints.BestFile)));
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    /// <summary>Two processes on one run would each write over the other's epochs.</summary>
    [Fact]
    public void ARunIsLockedByOneProcess()
    {
        RunFolder folder = runs.Create(TinyRun.Config);
        using (folder.Lock())
            Assert.Contains("another process is working on it", Assert.Throws<UserErrorException>(folder.Lock).Message);
        folder.Lock().Dispose();
        Assert.Empty(Directory.EnumerateFiles(folder.Path, ".lock"));
    }

    [Fact]
    public void MissingEpochsAreRefused()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder.WithEpochs(3);
        File.WriteAllLines(folder.Checkpoints.MetricsFile, File.ReadAllLines(folder.Checkpoints.MetricsFile).Skip(1));
        Assert.Contains("one line for each of the 2 completed epochs, but has 2",
            Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder)).Message);
    }

    /// <summary>Weights know the images that they have learned, also those of the run they started from, in another split.</summary>
    [Fact]
    public void ImagesOfEarlierTrainingAreNoted()
    {
        RunFolder first = runs.Train(TinyRun.Config).Folder;
        using CpuDevice device = new(1);
        RunConfig again = TinyRun.Config.With(("from", first.Path));
        Assert.Empty(Trained(again, TinyRun.Data).Notes);
        // Another seed holds out other images, all but 8 of which are known.
        Assert.Contains("of the 8 validation images", Assert.Single(Trained(again.With(("seed", 3)), TinyRun.Data).Notes));
        // The first run's training images as test images.
        Data.DataSet turned = new("turned", TinyRun.Data.Test, TinyRun.Data.Train, Data.Augmentation.None);
        RunConfig few = again.With(("validation", 0));
        RunTraining training = Trained(few, turned);
        Assert.Contains("were trained on 32 of the 40 test images", Assert.Single(training.Notes));
        training.Fit(CancellationToken.None);
        Classifier model = training.Trainer.Model;
        Assert.Equal(48, model.Provenance!.Images.Count);
        EvaluationReport report = new Evaluator(model, turned.Test, 16, 0).Run([], CancellationToken.None);
        report = new Evaluator(model, turned.Test, 16, 0).Annotate(report, first.Checkpoints.BestFile, turned);
        Assert.Equal((32, false), (report.TrainedOn, report.IsOnUnseenImages));
        // The first run's validation images chose its epoch.
        using CpuDevice again2 = new(1);
        Assert.Equal(40,
            ClassifierFile.Load(again2, first.Checkpoints.BestFile).Provenance!.CountOf(turned.Test.Size, turned.Test.PixelHashes()));
        Assert.Contains("32 of which THE WEIGHTS WERE TRAINED ON", report.Images);

        RunTraining Trained(RunConfig config, Data.DataSet data) => new(device, runs.Create(config), data);
    }

    [Fact]
    public void OtherImagesAreRefused()
    {
        RunFolder folder = runs.Train(TinyRun.Config).Folder.WithEpochs(3);
        Assert.Contains("not those that the run began with",
            Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder, TinyRun.DataOf(seed: 2))).Message);
        TinyRun.GoOn(folder, TinyRun.DataOf(seed: 1));
    }

    [Fact]
    public void ATestPartAloneIsRefused()
    {
        Data.DataSet data =
            new("only test", TinyRun.Data.Test, TinyRun.Data.Test, Data.Augmentation.None) { HasTrainPart = false, HasTestPart = true };
        Assert.Contains("no training images", Assert.Throws<UserErrorException>(() => runs.Train(TinyRun.Config, data)).Message);
    }

    /// <summary>Without a number, what is held out suits what is there.</summary>
    [Theory]
    [InlineData(60000, 500)]
    [InlineData(2500, 500)]
    [InlineData(24, 4)]
    [InlineData(4, 0)]
    public void DefaultValidationCountFollowsTheDataSize(int images, int held) => Assert.Equal(held, TrainingData.ValidationCount(images));

    [Fact]
    public void TooManyValidationImagesAreRefused() =>
        Assert.Contains("validation is 500, but there are 40 training images",
            Assert.Throws<UserErrorException>(() => runs.Train(TinyRun.Config.With(("validation", 500)))).Message);

    /// <summary>
    /// Without weight on natural images their pass moves the running statistics and nothing else: the step's weights are the same.
    /// </summary>
    [Fact]
    public void NaturalPassChangesOnlyRunningStatistics()
    {
        RunConfig one = TinyRun.Config.With(("method", "pgd-at"), ("epochs", 1), ("batch", 40), ("validation", 0), ("attack-steps", 1));
        var (with, folder) = runs.Train(one);
        float[] without = runs.Train(one.With(("natural-pass", false))).Weights;
        bool[] trained = TinyRun.IsTrained(one);
        Assert.True(HasNaturalPass(one));
        Assert.All(Enumerable.Range(0, with.Length).Where(i => trained[i]), i => Assert.Equal(with[i], without[i]));
        Assert.NotEqual(with, without);
        Assert.NotNull(folder.Checkpoints.ReadMetrics()[0].TrainNaturalAccuracy);
    }

    /// <summary>A run of a build that knew no natural pass goes on without one.</summary>
    [Fact]
    public void EarlierRunsResumeWithoutANaturalPass()
    {
        RunFolder folder = runs.Train(TinyRun.Config.With(("method", "pgd-at"))).Folder;
        Assert.True(HasNaturalPass(RunFolder.Open(folder.Path).Config));
        // Nor do an earlier run's state and summary hold its configuration.
        File.Delete(folder.Checkpoints.StateFile);
        File.Delete(folder.SummaryFile);
        File.WriteAllLines(folder.ConfigFile,
            File.ReadAllLines(folder.ConfigFile).Where(line => !line.Contains("natural-pass", StringComparison.Ordinal)));
        Assert.False(HasNaturalPass(RunFolder.Open(folder.Path).Config));
    }

    private static bool HasNaturalPass(RunConfig config) => ((PgdAtObjective)config.Method).NaturalPass;

    public void Dispose() => runs.Dispose();
}
