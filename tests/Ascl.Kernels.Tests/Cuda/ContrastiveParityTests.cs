using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Contrastive;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class ContrastiveParityTests
{
    [Theory]
    [InlineData(SelectionStrategy.Global, RowDistance.L2)]
    [InlineData(SelectionStrategy.Hard, RowDistance.L1)]
    [InlineData(SelectionStrategy.Soft, RowDistance.Dot)]
    [InlineData(SelectionStrategy.Leaked, RowDistance.Linf)]
    [InlineData(SelectionStrategy.Merge, RowDistance.Dot)]
    [InlineData(SelectionStrategy.Hard, RowDistance.Lkinf)]
    public void LossesStatesAndGradientsAgreeWithTheCpu(SelectionStrategy strategy, RowDistance distance)
    {
        // Two blocks of rows, the second one nearly empty: the simulated device takes seconds for each tile.
        Check(Case.Random(67, 7, 3), strategy, distance, 0.2f);
    }

    /// <summary>A group goes through all tiles of its anchors, as it does where there are many rows.</summary>
    [Fact]
    public void SeveralTilesOfASplitAgreeWithTheCpu()
    {
        ContrastiveCuda path = ContrastiveCuda.Of(SelectionStrategy.Merge, RowDistance.Linf);
        path.WantedGroups = 1;
        CudaDevice device = TestGpu.Device;
        Check(Case.Random(67, 7, 3), SelectionStrategy.Merge, RowDistance.Linf, 0.2f, (c, g) => c.Run(
            device, g,
            (rows, labels, predictions, loss, state) => path.Forward(device, g, rows, labels, predictions, loss, state),
            (rows, labels, predictions, state, dLoss, dRows) => path.Backward(device, g, rows, labels, predictions, state, dLoss, dRows)));
    }

    [Fact]
    public void FewRowsAgreeWithTheCpu()
    {
        Check(Case.Random(1, 1, 1), SelectionStrategy.Global, RowDistance.L2, 0.2f);
        Check(Case.Random(5, 33, 2), SelectionStrategy.Merge, RowDistance.Dot, 0.2f);
    }

    [Theory]
    [InlineData(SelectionStrategy.Global, RowDistance.L1)]
    [InlineData(SelectionStrategy.Leaked, RowDistance.Dot)]
    [InlineData(SelectionStrategy.Soft, RowDistance.Lkinf)]
    public void RowsOfMoreCoordinatesThanAGroupMakesAgreeWithTheCpu(SelectionStrategy strategy, RowDistance distance) =>
        Check(Case.Random(20, 150, 3), strategy, distance, 0.2f);

    [Theory]
    [InlineData(SelectionStrategy.Global, RowDistance.L2, 6)]
    [InlineData(SelectionStrategy.Merge, RowDistance.Linf, 6)]
    [InlineData(SelectionStrategy.Global, RowDistance.Lkinf, 6)]
    [InlineData(SelectionStrategy.Merge, RowDistance.Lkinf, 21)]
    public void TiesAndZeroRowsHaveTheDefinedGradient(SelectionStrategy strategy, RowDistance distance, int dimension)
    {
        Case c = Case.Random(40, dimension, 3);
        for (int i = 0; i < c.Rows.Length; i++)
            c.Rows[i] = i < 12 ? 0 : MathF.Round(c.Rows[i] * 8) / 8;
        Check(c, strategy, distance, 0.2f);
    }

    [Fact]
    public void SimilaritiesFarOutsideTheRangeOfExpStayFinite()
    {
        Case c = Case.Random(30, 12, 3);
        for (int i = 0; i < c.Rows.Length; i++)
            c.Rows[i] = MathF.Round(c.Rows[i] * 4) * 32;
        Check(c, SelectionStrategy.Global, RowDistance.Dot, 0.0625f);
    }

    /// <summary>Each block of 64 sorted rows has a prediction of its own: most tiles are passed over.</summary>
    [Fact]
    public void EmptyTilesArePassedOver()
    {
        Case c = Case.Random(128, 4, 2);
        for (int i = 0; i < 128; i++)
            (c.Labels[i], c.Predictions[i]) = (i % 2, i % 2);
        Check(c, SelectionStrategy.Leaked, RowDistance.Dot, 0.2f);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void ARowThatIsNotFiniteMakesTheLossNaN(float value)
    {
        Case c = Case.Random(5, 12, 1);
        c.Rows[34] = value;
        // Selected by nobody.
        c.Labels[2] = c.Predictions[2] = 7;
        foreach (RowDistance distance in new[] { RowDistance.Dot, RowDistance.Linf, RowDistance.Lkinf })
            Assert.True(float.IsNaN(c.Run(TestGpu.Device, SelectionStrategy.Leaked, distance, 0.2f).Loss));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    public void CountsAgreeWithTheCpu(int n)
    {
        Case c = Case.Random(n, 1, 5);
        using CpuDevice cpu = new(1);
        foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
        {
            var expected = ContrastiveKernels.CountPairsOfEach(strategy, cpu.Upload<int>(c.Labels), cpu.Upload<int>(c.Predictions));
            var actual = ContrastiveKernels.CountPairsOfEach(strategy, TestGpu.Device.Upload<int>(c.Labels),
                TestGpu.Device.Upload<int>(c.Predictions));
            Assert.Equal(expected.Positives, actual.Positives);
            Assert.Equal(expected.Negatives, actual.Negatives);
        }
    }

    /// <summary>Every strategy with every distance; both temperatures where that does not take minutes.</summary>
    [Fact]
    public void LossesAndGradientsAreThoseOfTheGoldenFile() =>
        ContrastiveGoldenTests.CheckLosses("ascl_loss_small", 60, TestGpu.Device,
            title => TestGpu.IsReal || title.EndsWith("tau0.07", StringComparison.Ordinal));

    [Fact]
    public void MeansOfTheTenLargestAreThoseOfTheGoldenFile() =>
        ContrastiveGoldenTests.CheckLosses("ascl_loss_lkinf", 20, TestGpu.Device,
            title => TestGpu.IsReal || title.EndsWith("raw.tau0.2", StringComparison.Ordinal));

    private static void Check(
        Case c, SelectionStrategy strategy, RowDistance distance, float temperature,
        Func<Case, ContrastiveGeometry, (float Loss, float[] State, float[] Gradient)>? run = null)
    {
        using CpuDevice cpu = new(1);
        var expected = c.Run(cpu, strategy, distance, temperature);
        var actual = run is null
            ? c.Run(TestGpu.Device, strategy, distance, temperature)
            : run(c, new(c.N, c.D, strategy, distance, temperature));
        string what = $"{strategy} {distance} [{c.N}, {c.D}]";
        Assert.True(Math.Abs(expected.Loss - actual.Loss) <= 5e-6 * Math.Max(0.1, Math.Abs(expected.Loss)),
            $"{what}: loss {actual.Loss}, expected {expected.Loss}");
        Tolerance.Close(Tolerance.ToDouble(Finite(expected.State)), Finite(actual.State), 2e-6, what + ": state");
        if (expected.Gradient.Max(MathF.Abs) > 1e-6f)
            Tolerance.Close(Tolerance.ToDouble(expected.Gradient), actual.Gradient, 1e-5, what + ": gradient");
        else
            Assert.All(actual.Gradient, value => Assert.InRange(value, -1e-6f, 1e-6f));

        // An anchor without positives has infinity on both.
        static float[] Finite(float[] values) => [.. values.Select(value => float.IsInfinity(value) ? -9 : value)];
    }

    private sealed record Case(int N, int D, float[] Rows, int[] Labels, int[] Predictions)
    {
        /// <summary>Rows of norm around 1; a prediction is right half of the time.</summary>
        public static Case Random(int n, int d, int classes)
        {
            System.Random random = new(11 * n + d);
            float[] rows = [.. DeviceData.Uniform(n * d, 1).Select(x => x / MathF.Sqrt(d))];
            int[] labels = [.. Enumerable.Range(0, n).Select(_ => random.Next(classes))];
            return new(n, d, rows, labels, [.. labels.Select(label => random.Next(2) == 0 ? label : random.Next(classes))]);
        }

        public (float Loss, float[] State, float[] Gradient) Run(
            Device device, SelectionStrategy strategy, RowDistance distance, float temperature)
        {
            ContrastiveGeometry g = new(N, D, strategy, distance, temperature);
            return Run(
                device, g,
                (rows, labels, predictions, loss, state) => ContrastiveKernels.Forward(g, rows, labels, predictions, loss, state),
                (rows, labels, predictions, state, dLoss, dRows) =>
                    ContrastiveKernels.Backward(g, rows, labels, predictions, state, dLoss, dRows));
        }

        public (float Loss, float[] State, float[] Gradient) Run(
            Device device, ContrastiveGeometry g,
            Action<DeviceBuffer<float>, DeviceBuffer<int>, DeviceBuffer<int>, DeviceBuffer<float>, DeviceBuffer<float>> forward,
            Action<DeviceBuffer<float>, DeviceBuffer<int>, DeviceBuffer<int>, DeviceBuffer<float>, DeviceBuffer<float>,
                DeviceBuffer<float>> backward)
        {
            DeviceBuffer<float> rows = device.Upload<float>(Rows), loss = device.Allocate<float>(1);
            DeviceBuffer<float> state = device.Allocate<float>(g.StateLength), gradient = device.Allocate<float>(N * D);
            DeviceBuffer<int> labels = device.Upload<int>(Labels), predictions = device.Upload<int>(Predictions);
            forward(rows, labels, predictions, loss, state);
            backward(rows, labels, predictions, state, device.Upload<float>([0.7f]), gradient);
            return (loss.ToArray()[0], state.ToArray(), gradient.ToArray());
        }
    }
}
