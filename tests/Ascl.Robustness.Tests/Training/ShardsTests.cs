using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Training by several processes, here threads of one: the result depends on the shards, not on the number of processes.</summary>
public sealed class ShardsTests : IDisposable
{
    private const int Shards = 8;

    /// <summary>32 training images: steps of 18 and 14 images.</summary>
    private static readonly RunConfig Config = TinyRun.Config.With(
        ("shards", Shards), ("batch", 18), ("ema-decay", 0.9), ("clip-norm", 1.0));

    private readonly TinyRun runs = new();

    [Theory]
    [InlineData("natural", "")]
    [InlineData("pgd-at", "awp-gamma=0.01")]
    [InlineData("trades", "bn-mode=train")]
    [InlineData("mart", "")]
    [InlineData("score", "label-smoothing=0.1")]
    [InlineData("ikl", "")]
    [InlineData("hat", "awp-gamma=0.01")]
    // Steps of 5 images, of shards without any, in two views.
    [InlineData("hat", "batch=5 views=2")]
    [InlineData("hat", "sync-bn=all bn-mode=train")]
    [InlineData("fgsm-mep", "attack-steps=1 batch=5 epochs=3 awp-gamma=0.01")]
    [InlineData("fgsm-mep", "attack-steps=1 sync-bn=all")]
    [InlineData("pgd-at", "attack-steps=1 start=none epsilon=0.1 lr=0.05 batch=8 epochs=5 on-overfitting=pgd")]
    [InlineData("ascl", "awp-gamma=0.01")]
    [InlineData("ascl", "base-objective=trades views=2 view-pairing=same-kind strategy=hard bn-mode=train")]
    [InlineData("trades", "extra-data=made:50 extra-share=0.6")]
    [InlineData("adr", "global-smoothness-weight=0.3")]
    [InlineData("supcon", "views=2 strategy=global distance=cosine")]
    // Steps of 5 images: three shards have none.
    [InlineData("ascl", "batch=5")]
    [InlineData("ascl", "sync-bn=training awp-gamma=0.01")]
    [InlineData("trades", "sync-bn=all bn-mode=train")]
    [InlineData("pgd-at", "sync-bn=all bn-mode=train batch=5")]
    public void AnyNumberOfRanksMakesTheSameState(string method, string settings)
    {
        RunConfig config = With(Config, $"method={method} {settings} {Needs(method)}");
        byte[] expected = Tensors(Train(config, 1));
        foreach (int ranks in new[] { 2, 3, 4, 8 })
            Assert.True(expected.AsSpan().SequenceEqual(Tensors(Train(config, ranks))), $"{ranks} ranks");
    }

    [Fact]
    public void ALinearLayerOnAFrozenEncoderIsTrainedByShards()
    {
        RunFolder encoder = Train(Config.With(("method", "supcon"), ("views", 2)), 1);
        RunConfig config = Config.With(("method", "linear"), ("from", encoder.Path));
        byte[] expected = Tensors(Train(config, 1));
        Assert.True(expected.AsSpan().SequenceEqual(Tensors(Train(config, 3))));
    }

    /// <summary>Without BatchNorm a batch in shards is the same batch, to within rounding: each term sees all rows, with the right
    /// weights.</summary>
    [Theory]
    [InlineData("pgd-at", "awp-gamma=0.01")]
    [InlineData("trades", "")]
    [InlineData("mart", "")]
    [InlineData("score", "")]
    [InlineData("hat", "")]
    [InlineData("ikl", "")]
    [InlineData("fgsm-mep", "attack-steps=1")]
    [InlineData("ascl", "")]
    [InlineData("ascl", "views=2 view-pairing=same-view")]
    [InlineData("adr", "global-smoothness-weight=0.3")]
    [InlineData("supcon", "views=2")]
    public void ShardsTakeTheGradientOfTheWholeBatch(string method, string settings)
    {
        RunConfig config = With(TinyRun.Config, $"method={method} {settings} {Needs(method)}");
        var (start, one) = Step(config, shards: 1);
        float[] cut = Step(config, Shards).After;
        double largest = start.Zip(one, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.True(largest > 1e-3, $"the step moves weights by {largest} at most");
        double difference = one.Zip(cut, (a, b) => Math.Abs((double)a - b)).Max();
        Assert.True(difference < 2e-4 * largest, $"{difference} of {largest}");
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(1, 8)]
    public void AStoppedRunGoesOnWithAnotherNumberOfRanks(int before, int after)
    {
        byte[] expected = Tensors(Train(Config, 1));
        RunFolder folder = runs.Create(Config);
        using CancellationTokenSource stop = new();
        AggregateException stopped = Assert.Throws<AggregateException>(() =>
            ThreadCommunicator.Run(before, communicator => Fit(folder, communicator, stop.Token, new StopsAfter(3, stop))));
        Assert.All(stopped.InnerExceptions, e => Assert.IsAssignableFrom<OperationCanceledException>(e));
        Assert.Equal((1, 1), (RunState.Progress(folder.Checkpoints.StateFile).Epoch, RunState.Progress(folder.Checkpoints.StateFile).Step));
        ThreadCommunicator.Run(after, communicator => Fit(folder, communicator));
        Assert.True(expected.AsSpan().SequenceEqual(Tensors(folder)));
    }

    /// <summary>With synchronised BatchNorm a batch in shards is the same batch, to within rounding: weights and running
    /// statistics.</summary>
    [Theory]
    [InlineData("natural", "", 2)]
    [InlineData("pgd-at", "bn-mode=eval", 2)]
    [InlineData("ascl", "bn-mode=train awp-gamma=0.01", 3)]
    [InlineData("ascl", "bn-mode=train views=2", 8)]
    public void SynchronisedBatchNormHasTheStatisticsOfTheWholeBatch(string method, string settings, int shards)
    {
        // One step with images that the attack hardly moves: its signs branch where a gradient is 0 to within rounding.
        RunConfig whole = With(TinyRun.Config, $"method={method} batch=32 epochs=1 start=none step-size=1e-9 lr=0.1 {settings}"),
            cut = With(whole, $"shards={shards} sync-bn=all");
        float[] start = TinyRun.Start(whole), one = runs.Train(whole).Weights, synchronised = runs.Train(cut).Weights,
            apart = runs.Train(With(cut, "sync-bn=off")).Weights;
        double largest = Difference(start, one);
        Assert.True(Difference(one, synchronised) < 2e-4 * largest, $"{Difference(one, synchronised)} of {largest}");
        Assert.True(Difference(one, apart) > 5e-3 * largest, $"without synchronisation only {Difference(one, apart)} of {largest}");

        static double Difference(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs((double)x - y)).Max();
    }

    [Fact]
    public void CostsOfAllRanksAreAdded()
    {
        // Without validation, whose attacks pad the images of each rank to a quarter of a batch.
        RunConfig config = Config.With(("validation", 0));
        RunProgress one = RunState.Progress(Train(config, 1).Checkpoints.StateFile),
            three = RunState.Progress(Train(config, 3).Checkpoints.StateFile);
        Assert.True(one.Cost.BackwardPasses > 0);
        Assert.Equal((one.Cost.ForwardPasses, one.Cost.BackwardPasses), (three.Cost.ForwardPasses, three.Cost.BackwardPasses));
    }

    [Fact]
    public void MoreRanksThanShardsAreRefused() =>
        Assert.Contains("shards is 2, but there are 3 processes", Refused(3, _ => Config.With(("shards", 2))));

    [Fact]
    public void RanksOfOtherSettingsAreRefused()
    {
        string message = Refused(3, rank => rank == 2 ? Config.With(("lr", 0.05)) : Config);
        Assert.StartsWith("rank 2: configuration differs from rank 0's", message, StringComparison.Ordinal);
    }

    [Fact]
    public void RanksOfOtherImagesAreRefused()
    {
        string message = Refused(2, _ => Config, rank => TinyRun.DataOf(seed: rank == 1 ? 2u : 1u));
        Assert.StartsWith("rank 1: data (content hash) differs", message, StringComparison.Ordinal);
    }

    [Fact]
    public void WeightsThatDifferAreFoundWhenTheyAreSaved()
    {
        string message = Refused(2, _ => Config, callback: new ChangesAWeight());
        Assert.StartsWith("rank 1: weights (hash) after epoch 1, step 0 differs from rank 0's", message, StringComparison.Ordinal);
    }

    public void Dispose() => runs.Dispose();

    /// <summary>Settings that a method cannot do without.</summary>
    private string Needs(string method) => method == "hat" ? $"natural={runs.Natural.Path}" : "";

    private RunFolder Train(RunConfig config, int ranks)
    {
        RunFolder folder = runs.Create(config);
        ThreadCommunicator.Run(ranks, communicator => Fit(folder, communicator));
        return folder;
    }

    private string Refused(int ranks, Func<int, RunConfig> config, Func<int, Data.DataSet>? data = null, TrainingCallback? callback = null)
    {
        AggregateException refused = Assert.Throws<AggregateException>(() => ThreadCommunicator.Run(ranks, communicator =>
            Fit(runs.Create(config(communicator.Rank)), communicator, default, callback, data?.Invoke(communicator.Rank))));
        return refused.InnerExceptions[0].Message;
    }

    private static void Fit(RunFolder folder, Communicator communicator, CancellationToken stop = default,
        TrainingCallback? callback = null, Data.DataSet? data = null)
    {
        using CpuDevice device = new(threads: 1);
        Data.DataSet all = TinyRun.WithExtra(data ?? TinyRun.Data, folder.Config, device);
        new RunTraining(device, folder, all, start: null, communicator, callback is null ? [] : [callback]).Fit(stop);
    }

    /// <summary>The weights before and after one step on all images, of a network without BatchNorm.</summary>
    private static (float[] Before, float[] After) Step(RunConfig config, int shards)
    {
        using CpuDevice device = new(threads: 1);
        Data.ImageSet images = TinyRun.Data.Train;
        ClassifierSpec spec = new("two layers", images.Channels, images.ClassNames.Count, [], [], ProjectionSize: 5);
        Classifier model = Made(seed: 3);
        Trainer trainer = new(model, config.Method, config.Training with { Shards = shards, Batch = images.Count, Epochs = 1 })
        {
            Attack = config.Method.AttackOf(config.Attack),
            // Labels that go with the images.
            Natural = Made(seed: 8),
            Optimizer = new SgdOptimizer(Optimizers.Targets(model), new SgdSettings { Momentum = 0, WeightDecay = 0 }),
        };
        float[] before = Weights();
        trainer.Fit(TinyRun.Data);
        return (before, Weights());

        Classifier Made(ulong seed) =>
            new(device, spec, (parameters, settings) => new TwoLayers(parameters, settings, images.ImageLength), seed);

        float[] Weights() => [.. model.Parameters.All.SelectMany(tensor => tensor.Tensor.ToArray())];
    }

    private static RunConfig With(RunConfig config, string settings)
    {
        JsonObject given = [];
        foreach (string[] pair in settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split('=')))
            given[pair[0]] = double.TryParse(pair[1], CultureInfo.InvariantCulture, out double number)
                ? number == (int)number ? (int)number : number
                : pair[1];
        return SettingTree.Read(config, given, "test");
    }

    /// <summary>Weights, running statistics, averages and momenta of a run's state, as bytes.</summary>
    private static byte[] Tensors(RunFolder folder)
    {
        using SafetensorsFile state = SafetensorsFile.Open(folder.Checkpoints.StateFile);
        return [.. state.Names.Order(StringComparer.Ordinal).SelectMany(name => state.ReadFloats(name)).SelectMany(BitConverter.GetBytes)];
    }

    private sealed class ChangesAWeight : TrainingCallback
    {
        public override bool RunsOnEveryRank => true;

        public override void Measure(Trainer trainer, TrainedEpoch epoch)
        {
            if (trainer.Communicator.Rank == 1)
                trainer.Model.Parameters.All[0].Tensor.Data.CopyFrom(new float[trainer.Model.Parameters.All[0].Tensor.Shape.Length]);
        }
    }

    private sealed class TwoLayers(ParameterSet parameters, NetworkSettings settings, int pixels) : INetwork
    {
        private readonly LinearLayer first = new(parameters, "first", pixels, 12), last = new(parameters, "fc", 12, settings.Classes);

        public int LatentSize => 12;

        public string HeadPrefix => "fc.";

        public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
        {
            Tensor latent = first.Forward(x.Flatten()).Relu();
            return new(latent, last.Forward(latent));
        }
    }
}
