using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Single steps from remembered perturbations; what settings and ranks do is in their own tests too.</summary>
public sealed class FgsmMepTests : IDisposable
{
    private const int Images = 3, Pixels = 12;
    private readonly TinyRun runs = new();

    private static RunConfig Config { get; } = TinyRun.Config.With(("method", "fgsm-mep"), ("attack-steps", 1), ("mep-reset", 2),
        ("augment", "on"), ("epochs", 5));

    public void Dispose() => runs.Dispose();

    /// <summary>Four epochs against NumPy in double precision: images, memories, loss and its gradient.</summary>
    [Fact]
    public void StepsMemoriesAndLossFollowTheirFormulas()
    {
        JsonNode golden = JsonNode.Parse(File.ReadAllText(Made.Fixture("single_step.json")))!;
        using CpuDevice device = new(1);
        Classifier model = new(device, new("linear", 3, 5, [], []),
            (parameters, settings) => new LinearNetwork(parameters, settings, Pixels), seed: 1);
        Tensor weight = model.Parameters.All.First(p => p.Name == "linear.weight").Tensor;
        weight.Data.CopyFrom(Values(golden["weight"]!));
        model.Parameters.All.First(p => p.Name == "linear.bias").Tensor.Data.CopyFrom(Values(golden["bias"]!));
        int[] labels = [.. golden["labels"]!.AsArray().Select(label => (int)label!)];
        MemorySettings memorySettings = new() { Decay = (double)golden["decay"]!, Target = (double)golden["target"]! };
        FgsmMepObjective objective = new() { Weight = (double)golden["lambda"]!, Memory = memorySettings };
        PgdSettings attack = new((double)golden["epsilon"]!, (double)golden["alpha"]!, 1);
        ImageSet set = Set(labels);
        // Another order than the set's: rows are found by id.
        int[] order = [2, 0, 1];
        PerturbationMemory memory = new(set, memorySettings);
        memory.Load(State(set, Values(golden["delta"]!), new float[Images * Pixels]));

        foreach (var (i, epoch) in golden["epochs"]!.AsArray().Index())
        {
            ImageBatch batch = new(Tensor.FromArray(device, new(Images, 3, 2, 2), Ordered(Values(epoch!["x"]!))),
                device.Upload<int>([.. order.Select(row => labels[row])]), device.Upload<int>([.. order.Select(row => set.Ids[row])]));
            var (start, adversarial) = memory.Craft(model, batch, attack, Made.Key.At((uint)i + 1));
            Equal(Ordered(Values(epoch["start"]!)), start.ToArray(), 1e-6);
            Equal(Ordered(Values(epoch["adversarial"]!)), adversarial.ToArray(), 1e-6);
            var (deltas, momenta) = Memories(memory);
            Equal(Values(epoch["delta"]!), deltas, 1e-6);
            Equal(Values(epoch["momentum"]!), momenta, 1e-6);

            IReadOnlyList<LossTerm> terms = objective.Terms(new(null, model.Forward(adversarial, ForwardMode.Train), batch.Labels, l => l)
            {
                Start = model.Forward(start, ForwardMode.Train),
            });
            Assert.Equal((double)epoch["ce"]!, terms[0].Value.Item, 1e-5);
            Assert.Equal((double)epoch["mse"]!, terms[1].Value.Item, 1e-5);
            Equal(Values(epoch["slope"]!), Gradient.Of(terms.Total(), weight)[0].ToArray(), 2e-5);
        }

        float[] Ordered(float[] values) => [.. order.SelectMany(row => values[(row * Pixels)..((row + 1) * Pixels)])];
    }

    /// <summary>δ begins at ±α within ε, other signs at each reset, and m at 0.</summary>
    [Fact]
    public void MemoriesAreResetEveryFewEpochs()
    {
        using CpuDevice device = new(1);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, 0, 1);
        ImageSet set = new("two", ["a", "b", "c", "d", "e"], 3, 8, 8, batch.Labels.ToArray(), batch.Images.ToArray());
        float[] x = batch.Images.ToArray();
        List<float[]> starts = [], momenta = [];
        PerturbationMemory memory = new(set, new() { ResetEvery = 3, Decay = 0.9 });
        for (uint epoch = 0; epoch < 5; epoch++)
        {
            (float[] before, _) = Memories(memory);
            float[] start = memory.Craft(model, batch, new(0.1, 0.3, 1), Made.Key.At(epoch)).Start.ToArray();
            if (epoch % 3 == 0)
                Assert.All(x.Zip(start), pair => Assert.Contains(pair.Second,
                    new[] { Math.Clamp(pair.First - 0.1f, 0, 1), Math.Clamp(pair.First + 0.1f, 0, 1) }));
            else
                Assert.Equal(x.Zip(before, (a, b) => Math.Clamp(a + b, 0, 1)), start);
            starts.Add(start);
            momenta.Add(Memories(memory).Momenta);
        }
        // Without the reset its sum of |m| would be 1 + 0.9·(…) of the same signs.
        Assert.All(new[] { 0, 3 }, epoch => Assert.All(momenta[epoch].Chunk(Made.Image), m => Assert.Equal(1, m.Sum(Math.Abs), 1e-4)));
        Assert.All(new[] { 1, 4 }, epoch => Assert.All(momenta[epoch].Chunk(Made.Image), m => Assert.True(m.Sum(Math.Abs) > 1.01)));
        Assert.NotEqual(starts[0], starts[3]);
    }

    /// <summary>Stopped within an epoch, within one that resets, and between two.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void AResumedRunIsTheSameToTheBit(int steps)
    {
        RunFolder folder = runs.Create(Config), whole = runs.Train(Config).Folder;
        using (CancellationTokenSource stop = new())
        {
            using CpuDevice device = new(1);
            Assert.ThrowsAny<OperationCanceledException>(
                () => new RunTraining(device, folder, TinyRun.Data, callbacks: [new StopsAfter(steps, stop)]).Fit(stop.Token));
        }
        TinyRun.GoOn(RunFolder.Open(folder.Path));
        Assert.Equal(Tensors(whole), Tensors(folder));
        using SafetensorsFile state = SafetensorsFile.Open(whole.Checkpoints.StateFile);
        Assert.Equal(32 * 192, state.ReadFloats("memory.delta").Length);
    }

    /// <summary>An image comes to another rank in each epoch, and a run to another number of them.</summary>
    [Fact]
    public void AStoppedRunGoesOnWithAnotherNumberOfRanks()
    {
        RunConfig config = Config.With(("shards", 4));
        RunFolder whole = runs.Create(config), folder = runs.Create(config);
        Fit(whole, 1);
        using CancellationTokenSource stop = new();
        Assert.Throws<AggregateException>(() => Fit(folder, 3, stop.Token, new StopsAfter(3, stop)));
        Fit(folder, 2);
        Assert.Equal(Tensors(whole), Tensors(folder));
    }

    /// <summary>What the memory takes is told before training; what does not go with it is refused.</summary>
    [Fact]
    public void WhatItTakesIsToldAndWhatCannotBeIsRefused()
    {
        using CpuDevice device = new(1);
        Assert.Contains("fgsm-mep remembers a perturbation and a momentum of 32 training images: 0 MB of memory and of each saved state",
            Assert.Single(new RunTraining(device, runs.Create(Config), TinyRun.Data).Notes));
        Assert.Equal(32L * 192 * 8, PerturbationMemory.BytesOf(TinyRun.DataOf(1, train: 32).Train));
        Refused("attack-steps", "attack-steps 1", ("attack-steps", 10));
        Refused("norm", "linf", ("norm", "l2"));
        Refused("views", "views 1", ("views", 2));
        Refused("on-overfitting", "warn or stop", ("on-overfitting", "pgd"));

        Trainer trainer = new(StartingModel.Of(Config, TinyRun.Data, device), new FgsmMepObjective());
        Assert.Contains("fgsm-mep: attack-steps is 10", Assert.Throws<UserErrorException>(() => trainer.Fit(TinyRun.Data)).Message);
        trainer = new(trainer.Model, new FgsmMepObjective()) { Attack = new NoiseAttack(0.1) };
        Assert.Contains("with the settings of a PgdAttack",
            Assert.Throws<UserErrorException>(() => trainer.Fit(TinyRun.Data)).Message);
        PerturbationMemory memory = new(Set([0, 1, 2]), new());
        Assert.Contains("'memory.delta' has 24 values, not 36",
            Assert.Throws<UserErrorException>(() => memory.Load(State(Set([0, 1]), new float[24], new float[24]))).Message);

        static void Refused(string setting, string told, (string, JsonNode?) change)
        {
            string message = Assert.Throws<UserErrorException>(() => Config.With(change)).Message;
            Assert.Contains(setting, message, StringComparison.Ordinal);
            Assert.Contains(told, message, StringComparison.Ordinal);
        }
    }

    /// <summary>A step of an image costs a step of the attack (2 passes) and two training passes.</summary>
    [Fact]
    public void TwoOutputsAreTrained()
    {
        RunConfig config = Config.With(("epochs", 1), ("validation", 0), ("limit-train", 32));
        long mep = Passes(config), pgd = Passes(config.With(("method", "pgd-at"), ("natural-pass", false)));
        Assert.Equal(2 * 32, mep - pgd);

        long Passes(RunConfig of)
        {
            RunSummary summary = RunSummary.Read(runs.Train(of).Folder.SummaryFile)!;
            return summary.ForwardPasses + summary.BackwardPasses;
        }
    }

    private static ImageSet Set(int[] labels) => new("some", ["a", "b", "c", "d", "e"], 3, 2, 2, labels, new float[labels.Length * Pixels]);

    private static SafetensorsFile State(ImageSet set, float[] deltas, float[] momenta)
    {
        SafetensorsWriter writer = new();
        int[] shape = [set.Count, set.Channels, set.Height, set.Width];
        writer.Add("memory.delta", shape, deltas);
        writer.Add("memory.momentum", shape, momenta);
        return Written(writer);
    }

    private static (float[] Deltas, float[] Momenta) Memories(PerturbationMemory memory)
    {
        SafetensorsWriter writer = new();
        memory.Save(writer);
        using SafetensorsFile file = Written(writer);
        return (file.ReadFloats("memory.delta"), file.ReadFloats("memory.momentum"));
    }

    private static SafetensorsFile Written(SafetensorsWriter writer)
    {
        string path = Path.GetTempFileName();
        writer.Save(path);
        SafetensorsFile file = SafetensorsFile.Open(path);
        File.Delete(path);
        return file;
    }

    private static float[] Values(JsonNode array) => [.. array.AsArray().Select(value => (float)(double)value!)];

    private static void Equal(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs((double)expected[i] - actual[i]) <= tolerance,
                string.Create(CultureInfo.InvariantCulture, $"{i}: {expected[i]} and {actual[i]}"));
    }

    private static float[] Tensors(RunFolder folder)
    {
        using SafetensorsFile state = SafetensorsFile.Open(folder.Checkpoints.StateFile);
        return [.. state.Names.Order(StringComparer.Ordinal).SelectMany(state.ReadFloats)];
    }

    private static void Fit(RunFolder folder, int ranks, CancellationToken stop = default, params TrainingCallback[] callbacks) =>
        ThreadCommunicator.Run(ranks, communicator =>
        {
            using CpuDevice device = new(threads: 1);
            new RunTraining(device, folder, TinyRun.Data, start: null, communicator, callbacks).Fit(stop);
        });
}
