using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Runs with images of a second data set; what shards and settings do is in their own tests.</summary>
public sealed class ExtraDataTests : IDisposable
{
    private static readonly RunConfig Config = TinyRun.Config.With(("extra-data", "made:50"), ("augment", "on"));

    private readonly TinyRun runs = new();

    public void Dispose() => runs.Dispose();

    /// <summary>The 32 training images make steps of 5 with 11 extra ones.</summary>
    [Fact]
    public void AnEpochIsAPassOverTheOriginalImages()
    {
        RunFolder folder = runs.Create(Config);
        Counts seen = new();
        using CpuDevice device = new(1);
        new RunTraining(device, folder, TinyRun.WithExtra(TinyRun.Data, Config, device), callbacks: [seen]).Fit(CancellationToken.None);
        int[] epoch = [16, 16, 16, 16, 16, 16, 6];
        Assert.Equal([.. epoch, .. epoch], seen.Images);
        Assert.Equal(32, RunSummary.Read(folder.SummaryFile)!.TrainingImages);
    }

    [Fact]
    public void AResumedRunIsTheSameToTheBit()
    {
        RunFolder folder = runs.Create(Config);
        using (CancellationTokenSource stop = new())
        {
            using CpuDevice device = new(1);
            Assert.ThrowsAny<OperationCanceledException>(() => new RunTraining(device, folder,
                TinyRun.WithExtra(TinyRun.Data, Config, device), callbacks: [new StopsAfter(10, stop)]).Fit(stop.Token));
        }
        Assert.Equal(runs.Train(Config).Weights, TinyRun.GoOn(RunFolder.Open(folder.Path)));
    }

    [Fact]
    public void LabelsOfANetworkAreItsPredictions()
    {
        RunConfig labelled = Config.With(("extra-labels", runs.Natural.Path));
        using CpuDevice device = new(1);
        ImageSet own = TinyRun.WithExtra(TinyRun.Data, Config, device).Extra!.Images;
        ImageSet given = TinyRun.WithExtra(TinyRun.Data, labelled, device).Extra!.Images;
        ImageSet again = TinyRun.WithExtra(TinyRun.Data, labelled.With(("batch", 7)), device).Extra!.Images;
        Classifier network = ClassifierFile.Load(device, runs.Natural.Checkpoints.BestFile);
        Assert.Equal(given.ContentHash, again.ContentHash);
        Assert.Equal(own.PixelHashes(), given.PixelHashes());
        Assert.NotEqual(own.Labels.ToArray(), given.Labels.ToArray());
        // A network is right about all images that it has labelled, and about some others.
        Assert.Equal(1, new Evaluator(network, given, 5, 0).Run([], CancellationToken.None).CleanAccuracy);
        int agree = own.Labels.ToArray().Zip(given.Labels.ToArray()).Count(pair => pair.First == pair.Second);
        Assert.Equal((double)agree / own.Count, new Evaluator(network, own, 5, 0).Run([], CancellationToken.None).CleanAccuracy, 1e-12);
    }

    /// <summary>They are part of what a run is: in its state, its summary and its id; others, or other labels, are refused.</summary>
    [Fact]
    public void ARunGoesOnWithTheExtraImagesItBeganWithOnly()
    {
        RunFolder folder = runs.Train(Config).Folder;
        RunProgress progress = RunState.Progress(folder.Checkpoints.StateFile);
        Assert.Equal(progress.ExtraHash, RunSummary.Read(folder.SummaryFile)!.ExtraHash);
        Assert.Equal(TinyRun.Data.ContentHash, progress.DataHash);
        using CpuDevice device = new(1);
        DataSet known = TinyRun.WithExtra(TinyRun.Data, Config, device);
        Assert.Equal(known.Extra!.Images.ContentHash, progress.ExtraHash);

        ImageSet images = known.Extra.Images;
        int[] turned = [.. images.Labels.ToArray().Select(label => 3 - label)];
        Assert.Contains("not those that the run began with", Refused(images.WithLabels(turned, images.ClassNames)));
        Assert.Contains("not those that the run began with", Refused(TinyRun.DataOf(seed: 52, train: 24).Train));
        Assert.Contains("lacks the extra images of made:50", Assert.Throws<UserErrorException>(
            () => new RunTraining(device, folder.WithEpochs(3), TinyRun.Data)).Message);
        Assert.NotEqual(progress.Id, RunState.Progress(runs.Train(Config.With(("extra-data", "made:52"))).Folder.Checkpoints.StateFile).Id);
        TinyRun.GoOn(folder.WithEpochs(3));

        string Refused(ImageSet other)
        {
            DataSet data = TinyRun.Data with { Extra = known.Extra with { Images = other } };
            return Assert.Throws<UserErrorException>(
                () => new RunTraining(device, folder.WithEpochs(3), data).Fit(CancellationToken.None)).Message;
        }
    }

    /// <summary>Weights know the extra images, and what the network had learned that labelled them.</summary>
    [Fact]
    public void ExtraImagesAreAmongThoseLearned()
    {
        RunFolder elsewhere = runs.Train(TinyRun.Config.With(("method", "natural")), TinyRun.DataOf(seed: 7)).Folder;
        ulong[] extra = TinyRun.DataOf(seed: 50, train: 24).Train.PixelHashes(),
            far = [.. TrainingData.Of(TinyRun.DataOf(seed: 7), Config.Training, Config.Data.Validation).Train.PixelHashes()];
        Assert.Equal((24, 0), Known(Config));
        Assert.Equal((24, far.Length), Known(Config.With(("extra-labels", elsewhere.Path))));
        Assert.Equal((0, 0), Known(TinyRun.Config));

        (int Extra, int Far) Known(RunConfig config)
        {
            ImageHashes images = Provenance.Read(runs.Train(config).Folder.Checkpoints.BestFile)!.Images;
            return (images.CountOf(extra), images.CountOf(far));
        }
    }

    [Fact]
    public void ExtraImagesAmongTestAndValidationImagesAreNoted()
    {
        using CpuDevice device = new(1);
        // The same images as the whole training part, of which 8 are held out.
        DataSet all = TinyRun.Data with { Extra = new(TinyRun.Data.Train, 0.7) };
        Assert.Contains("8 of the 8 validation images are also among the extra images",
            Assert.Single(new RunTraining(device, runs.Create(Config), all).Notes));
        all = TinyRun.Data with { Extra = new(TinyRun.Data.Test, 0.7) };
        Assert.Contains("16 of the 16 test images are also among the extra images",
            Assert.Single(new RunTraining(device, runs.Create(Config), all).Notes));
        Assert.Empty(new RunTraining(device, runs.Create(Config), TinyRun.WithExtra(TinyRun.Data, Config, device)).Notes);
    }

    [Fact]
    public void WhatCannotBeIsRefusedInOneLine()
    {
        string batch = Assert.Throws<UserErrorException>(() => Config.With(("batch", 1))).Message;
        Assert.Contains("a batch of 1 images would have 1 extra ones", batch, StringComparison.Ordinal);
        string memory = Assert.Throws<UserErrorException>(() => Config.With(("method", "fgsm-mep"), ("attack-steps", 1))).Message;
        Assert.Contains("fgsm-mep remembers a perturbation of each image from epoch to epoch", memory, StringComparison.Ordinal);
        using CpuDevice device = new(1);
        Assert.Contains("there is no such file or run", Assert.Throws<UserErrorException>(
            () => TinyRun.WithExtra(TinyRun.Data, Config.With(("extra-labels", "nowhere")), device)).Message);
        DataSet onlyTest = new("only test", TinyRun.Data.Test, TinyRun.Data.Test, Augmentation.None) { HasTrainPart = false };
        Assert.Contains("extra-data made:50: has no training images", Assert.Throws<UserErrorException>(
            () => ExtraData.AddTo(TinyRun.Data, Config, device, (_, _) => onlyTest)).Message);
    }

    private sealed class Counts : TrainingCallback
    {
        public List<int> Images { get; } = [];

        public override void EndStep(Trainer trainer, TrainedStep step) => Images.Add(step.Images);
    }
}
