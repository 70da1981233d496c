using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Training with the predictions of another network; what shards and settings do is in their own tests.</summary>
public sealed class HatTests : IDisposable
{
    private readonly TinyRun runs = new();
    private readonly RunFolder natural;
    private readonly RunConfig config;

    public HatTests() => (natural, config) = (runs.Natural, runs.Hat);

    public void Dispose() => runs.Dispose();

    /// <summary>At x + h·(x^a − x), not clipped, in a pass of their own.</summary>
    [Fact]
    public void HelperImagesLieBeyondTheAdversarialOnes()
    {
        using CpuDevice device = new(1);
        Classifier model = Made.Model(device), labeller = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Enumerable.Range(0, 8));
        HatObjective hat = new() { HelperReach = 2.5 };
        Seen seen = new(hat);
        Tensor adversarial = hat.AttackOf(new() { Steps = 2 })!.Perturb(model, batch, Made.Key);
        DeviceBuffer<int> labels = labeller.Forward(adversarial, ForwardMode.Inference).Logits.Predict();
        new TrainingStep(model, seen, new SgdOptimizer(Optimizers.Targets(model))).Run(batch, adversarial, 0, labels);

        float[] x = batch.Images.ToArray(), xa = adversarial.ToArray();
        Tensor beyond = Tensor.FromArray(device, batch.Images.Shape, [.. x.Zip(xa, (a, b) => a + 2.5f * (b - a))]);
        Assert.Contains(beyond.ToArray(), v => v is < 0 or > 1);
        float[] expected = Made.Model(device).Forward(beyond, ForwardMode.Train).Logits.ToArray();
        Assert.All(expected.Zip(seen.Logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.Equal(labels.ToArray(), seen.Labels);
    }

    [Fact]
    public void AResumedRunIsTheSameToTheBit()
    {
        RunFolder folder = runs.Create(config);
        using (CancellationTokenSource stop = new())
        {
            using CpuDevice device = new(1);
            Assert.ThrowsAny<OperationCanceledException>(
                () => new RunTraining(device, folder, TinyRun.Data, callbacks: [new StopsAfter(3, stop)]).Fit(stop.Token));
        }
        Assert.Equal(runs.Train(config).Weights, TinyRun.GoOn(RunFolder.Open(folder.Path)));
    }

    /// <summary>Which network labelled is part of what a run is: in its state, its summary and its id.</summary>
    [Fact]
    public void ARunGoesOnWithTheNaturalNetworkItBeganWithOnly()
    {
        string file = Path.Combine(natural.Path, "copy.safetensors");
        File.Copy(natural.Checkpoints.BestFile, file);
        RunConfig ofFile = config.With(("natural", file));
        RunFolder folder = runs.Train(ofFile).Folder;
        RunProgress progress = RunState.Progress(folder.Checkpoints.StateFile);
        Assert.NotNull(progress.NaturalHash);
        Assert.Equal(progress.NaturalHash, RunSummary.Read(folder.SummaryFile)!.NaturalHash);

        RunConfig another = TinyRun.Config.With(("method", "natural"), ("seed", 9));
        File.Copy(runs.Train(another).Folder.Checkpoints.BestFile, file, overwrite: true);
        Assert.Contains("has other weights than the one that the run began with",
            Assert.Throws<UserErrorException>(() => TinyRun.GoOn(folder.WithEpochs(3))).Message);
        RunProgress other = RunState.Progress(runs.Train(ofFile).Folder.Checkpoints.StateFile);
        Assert.NotEqual(progress.NaturalHash, other.NaturalHash);
        Assert.NotEqual(progress.Id, other.Id);
        File.Copy(natural.Checkpoints.BestFile, file, overwrite: true);
        TinyRun.GoOn(folder.WithEpochs(3));
    }

    /// <summary>Its predictions tell what it has learned of its own training images.</summary>
    [Fact]
    public void ImagesOfTheNaturalNetworkAreAmongThoseLearned()
    {
        RunFolder elsewhere = runs.Train(TinyRun.Config.With(("method", "natural")), TinyRun.DataOf(seed: 7)).Folder;
        RunFolder folder = runs.Train(config.With(("natural", elsewhere.Path))).Folder;
        ulong[] learned = [.. TrainingData.Of(TinyRun.DataOf(seed: 7), config.Training, config.Data.Validation).Train.PixelHashes()];
        Assert.Equal(learned.Length, Provenance.Read(folder.Checkpoints.BestFile)!.Images.CountOf(learned));
        Assert.Equal(0, Provenance.Read(runs.Train(config).Folder.Checkpoints.BestFile)!.Images.CountOf(learned));
    }

    [Fact]
    public void ANaturalNetworkIsNeededAndHasToFit()
    {
        string missing = Assert.Throws<UserErrorException>(() => TinyRun.Config.With(("method", "hat"))).Message;
        Assert.Contains("natural", missing, StringComparison.Ordinal);
        Assert.Contains("train --method natural", missing, StringComparison.Ordinal);
        Assert.Contains("there is no such file or run", Refused(Path.Combine(natural.Path, "none")));
        RunConfig encoder = TinyRun.Config.With(("method", "supcon"), ("views", 2));
        Assert.Contains("an encoder without a classifier", Refused(runs.Train(encoder).Folder.Path));

        using CpuDevice device = new(1);
        Trainer without = new(StartingModel.Of(config, TinyRun.Data, device), new HatObjective());
        Assert.Contains("there is none (Trainer.Natural)", Assert.Throws<UserErrorException>(() => without.Fit(TinyRun.Data)).Message);

        string Refused(string path) =>
            Assert.Throws<UserErrorException>(() => runs.Train(config.With(("natural", path)))).Message;
    }

    /// <summary>Keeps what a step knows of helper images.</summary>
    private sealed record Seen(IObjective Of) : IObjective
    {
        public float[] Logits { get; private set; } = [];

        public int[] Labels { get; private set; } = [];

        public string Name => Of.Name;

        public AttackLoss? Attack => Of.Attack;

        public bool NeedsNatural => false;

        public double? HelperReach => Of.HelperReach;

        public IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
        {
            ExtrapolatedRows helper = input.Helper!;
            (Logits, Labels) = (helper.Output.Logits.ToArray(), helper.Labels.ToArray());
            return [new("helper_ce", 1, helper.Output.Logits.CrossEntropy(helper.Labels))];
        }
    }
}
