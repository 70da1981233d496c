using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>What an epoch hands on to the next.</summary>
public sealed class ClassMeansTests : IDisposable
{
    private readonly TinyRun runs = new();

    public void Dispose() => runs.Dispose();

    [Fact]
    public void EachEpochHasTheMeansOfTheOneBefore()
    {
        using CpuDevice device = new(1);
        const int Classes = 3;
        const double Temperature = 2;
        ClassMeans means = new(device, Classes, Temperature);
        Assert.All(means.Table.ToArray(), value => Assert.Equal(1f / 3, value));
        float[] logits = [1, -2, 0.5f, 0, 0, 3, 2, 2, -1, 300, -300, 0];
        Add(logits[..6], 0, 2);
        Add(logits[6..], 0, 0);
        Assert.All(means.Table.ToArray(), value => Assert.Equal(1f / 3, value));
        means.EndEpoch();
        double[][] p = [.. logits.Chunk(Classes).Select(row =>
        {
            double[] e = [.. row.Select(v => Math.Exp((v - row.Max()) / Temperature))];
            return e.Select(v => v / e.Sum()).ToArray();
        })];
        // No image is of class 1.
        double[] expected =
            [.. Enumerable.Range(0, Classes).Select(c => (p[0][c] + p[2][c] + p[3][c]) / 3), 1 / 3.0, 1 / 3.0, 1 / 3.0, .. p[1]];
        Check(expected);
        Add([0, 0, 0], 1);
        means.EndEpoch();
        Check(expected);

        void Add(float[] rows, params int[] labels) =>
            means.Add(Tensor.FromArray(device, new(labels.Length, Classes), rows), device.Upload<int>(labels));

        void Check(double[] table) => Assert.All(table.Zip(means.Table.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    /// <summary>Stopped in the middle of the first epoch, at its end and in the second.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AResumedRunIsTheSameToTheBit(int steps)
    {
        RunConfig config = TinyRun.Config.With(("method", "ikl"), ("epochs", 3));
        RunFolder folder = runs.Create(config);
        using (CancellationTokenSource stop = new())
        {
            using CpuDevice device = new(1);
            Assert.ThrowsAny<OperationCanceledException>(
                () => new RunTraining(device, folder, TinyRun.Data, callbacks: [new StopsAfter(steps, stop)]).Fit(stop.Token));
        }
        Assert.Equal(runs.Train(config).Weights, TinyRun.GoOn(RunFolder.Open(folder.Path)));
    }
}
