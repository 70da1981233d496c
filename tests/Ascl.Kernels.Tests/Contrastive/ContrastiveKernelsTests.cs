using Ascl.Autograd.Checking;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Contrastive;

public sealed class ContrastiveKernelsTests
{
    public static TheoryData<SelectionStrategy, RowDistance> Combinations
    {
        get
        {
            TheoryData<SelectionStrategy, RowDistance> all = [];
            foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
                foreach (RowDistance distance in Enum.GetValues<RowDistance>())
                    all.Add(strategy, distance);
            return all;
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Random_rows_of_any_shape_agree_with_the_definition(SelectionStrategy strategy, RowDistance distance)
    {
        // Five rows of 257 coordinates are almost equally far in lkinf, and their gradients cancel to 2.5e-5 of the largest entry.
        int few = distance == RowDistance.Lkinf ? 9 : 5;
        foreach (
            var (n, d, classes) in new[] { (1, 1, 1), (2, 1, 1), (2, 3, 2), (few, 257, 2), (9, 16, 3), (17, 15, 1), (63, 33, 4),
                (64, 128, 10), (65, 7, 5), (70, 64, 90), (150, 20, 3) })
        {
            Case c = Case.Random(n, d, classes, 11 * n + d);
            c.AgreesWithReference(strategy, distance, 0.2f, 2e-5);
            c.AgreesWithReference(strategy, distance, 0.07f, 5e-5);
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Tiles_of_negatives_only_are_not_skipped(SelectionStrategy strategy, RowDistance distance)
    {
        // Each block of 64 rows is one class. Predicted as the next class, a row is selected by rows that it does not select.
        Case c = Case.Random(250, 6, 4, 4);
        foreach (int shift in new[] { 0, 1 })
        {
            for (int i = 0; i < 250; i++)
                (c.Labels[i], c.Predictions[i]) = (i / 64, (i / 64 + shift) % 4);
            c.AgreesWithReference(strategy, distance, 0.2f, 2e-5);
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Ties_zero_rows_and_duplicates_have_the_defined_gradient(SelectionStrategy strategy, RowDistance distance)
    {
        // Eighths: differences, and so the ties among them, are exact in float and double.
        Case c = Case.Random(72, 6, 3, 5);
        for (int i = 0; i < c.Rows.Length; i++)
            c.Rows[i] = MathF.Round(c.Rows[i] * 8) / 8;
        Array.Clear(c.Rows, 0, 3 * 6);
        Array.Copy(c.Rows, 10 * 6, c.Rows, 40 * 6, 2 * 6);
        (c.Labels[0], c.Labels[1], c.Labels[2]) = (0, 0, 1);
        (c.Predictions[0], c.Predictions[1], c.Predictions[2]) = (0, 0, 0);
        c.AgreesWithReference(strategy, distance, 0.2f, 2e-5);

        // More than ten coordinates, with few differences among them.
        Case wide = Case.Random(70, 24, 3, 14);
        for (int i = 0; i < wide.Rows.Length; i++)
            wide.Rows[i] = MathF.Round(wide.Rows[i] * 8) / 8;
        wide.AgreesWithReference(strategy, distance, 0.2f, 2e-5);

        Case same = Case.Random(70, 5, 2, 6);
        for (int i = 0; i < same.Rows.Length; i++)
            same.Rows[i] = 0.25f;
        same.AgreesWithReference(strategy, distance, 0.2f, 2e-5);
    }

    [Theory, MemberData(nameof(Combinations))]
    public void One_class_one_prediction_or_nothing_selected_stays_finite(SelectionStrategy strategy, RowDistance distance)
    {
        Case c = Case.Random(66, 9, 4, 7);
        Array.Fill(c.Predictions, 2);
        c.AgreesWithReference(strategy, distance, 0.2f, 2e-5);
        Array.Fill(c.Labels, 2);
        c.AgreesWithReference(strategy, distance, 0.2f, 2e-5);
        for (int i = 0; i < 66; i++)
            (c.Labels[i], c.Predictions[i]) = (i, -1 - i);
        var (loss, gradient) = c.Run(strategy, distance, 0.2f, threads: 2);
        Assert.Equal(0, loss);
        Assert.All(gradient, value => Assert.Equal(0, value));
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Gradient_agrees_with_central_differences(SelectionStrategy strategy, RowDistance distance)
    {
        const double step = 1e-6;
        Case c = Case.Random(22, distance == RowDistance.Lkinf ? 13 : 6, 3, 8);
        ReferenceContrastive reference = new(c.Geometry(strategy, distance, 0.2f), c.Labels, c.Predictions);
        double[] rows = [.. c.Rows.Select(value => (double)value)], differences = new double[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            double value = rows[i];
            rows[i] = value + step;
            differences[i] = reference.Loss(rows);
            rows[i] = value - step;
            differences[i] = (differences[i] - reference.Loss(rows)) / (2 * step);
            rows[i] = value;
        }
        Tolerance.Close(differences, c.Run(strategy, distance, 0.2f, threads: 2).Gradient, 2e-5, "gradient");
    }

    [Theory]
    [InlineData(SelectionStrategy.Global, RowDistance.Dot)]
    [InlineData(SelectionStrategy.Hard, RowDistance.L1)]
    [InlineData(SelectionStrategy.Merge, RowDistance.L2)]
    [InlineData(SelectionStrategy.Leaked, RowDistance.Linf)]
    [InlineData(SelectionStrategy.Soft, RowDistance.Lkinf)]
    public void Any_number_of_threads_gives_the_same_bits(SelectionStrategy strategy, RowDistance distance)
    {
        Case c = Case.Random(330, 20, 4, 9);
        var (loss, gradient) = c.Run(strategy, distance, 0.2f, threads: 1);
        foreach (int threads in new[] { 2, 3 })
        {
            var (otherLoss, otherGradient) = c.Run(strategy, distance, 0.2f, threads);
            Assert.Equal(BitConverter.SingleToInt32Bits(loss), BitConverter.SingleToInt32Bits(otherLoss));
            Assert.Equal(gradient.Select(BitConverter.SingleToInt32Bits), otherGradient.Select(BitConverter.SingleToInt32Bits));
        }
    }

    [Fact]
    public void Similarities_far_outside_the_range_of_exp_stay_finite()
    {
        Case c = Case.Random(70, 12, 3, 10);
        for (int i = 0; i < c.Rows.Length; i++)
            c.Rows[i] = MathF.Round(c.Rows[i] * 4) * 32;
        foreach (RowDistance distance in Enum.GetValues<RowDistance>())
            c.AgreesWithReference(SelectionStrategy.Global, distance, 0.0625f, 2e-5);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_row_that_is_not_finite_makes_the_loss_NaN(float value)
    {
        foreach (RowDistance distance in Enum.GetValues<RowDistance>())
        {
            Case c = Case.Random(70, 12, 3, 10);
            c.Rows[34 * 12 + 5] = value;
            Assert.True(float.IsNaN(c.Run(SelectionStrategy.Leaked, distance, 0.2f, threads: 1).Loss));
        }
    }

    [Fact]
    public void Four_thousand_rows_need_little_memory_beside_their_own()
    {
        Case c = Case.Random(4096, 128, 10, 12);
        using CpuDevice device = new(2);
        var (loss, _) = c.Run(SelectionStrategy.Leaked, RowDistance.Dot, 0.2f, device);
        Assert.InRange(loss, 1, 100);
        Assert.InRange(device.Pool.AllocatedBytes, 1, 64 << 20);
    }

    [Fact]
    public void Counts_agree_with_the_definition()
    {
        Case c = Case.Random(130, 1, 7, 13);
        using CpuDevice device = new(3);
        foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
        {
            ReferenceContrastive reference = new(c.Geometry(strategy, RowDistance.Dot, 1), c.Labels, c.Predictions);
            var (positives, negatives) = ContrastiveKernels.CountPairsOfEach(strategy, device.Upload<int>(c.Labels),
                device.Upload<int>(c.Predictions));
            for (int i = 0; i < 130; i++)
            {
                Assert.Equal(Enumerable.Range(0, 130).Count(j => reference.IsPositive(i, j)), positives[i]);
                Assert.Equal(Enumerable.Range(0, 130).Count(j => reference.IsNegative(i, j)), negatives[i]);
            }
        }
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        using CpuDevice device = new(1);
        ContrastiveGeometry g = new(4, 3, SelectionStrategy.Leaked, RowDistance.Dot, 0.2f);
        DeviceBuffer<int> four = device.Allocate<int>(4);
        DeviceBuffer<float> rows = device.Allocate<float>(12), one = device.Allocate<float>(1);
        DeviceBuffer<float> state = device.Allocate<float>(g.StateLength);
        void Throws(string part, Action call) => Assert.Contains(part, Assert.ThrowsAny<ArgumentException>(call).Message);
        Throws("rows has 11 values", () => ContrastiveKernels.Forward(g, device.Allocate<float>(11), four, four, one, state));
        Throws("predictions has 5 values", () => ContrastiveKernels.Forward(g, rows, four, device.Allocate<int>(5), one, state));
        Throws("temperature", () => ContrastiveKernels.Forward(g with { Temperature = 0 }, rows, four, four, one, state));
        Throws("at least one row", () => ContrastiveKernels.Forward(g with { Rows = 0 }, rows, four, four, one, state));
        Throws("dRows has 1 values", () => ContrastiveKernels.Backward(g, rows, four, four, state, one, one));
        Throws("no such selection strategy",
            () => ContrastiveKernels.Forward(g with { Strategy = (SelectionStrategy)9 }, rows, four, four, one, state));
    }

    private sealed record Case(int N, int D, float[] Rows, int[] Labels, int[] Predictions)
    {
        /// <summary>
        /// Rows of norm around 1, in steps of 2⁻¹⁶: differences are then exact in float, and so is which of them are the largest. A
        /// prediction is right half of the time.
        /// </summary>
        public static Case Random(int n, int d, int classes, int seed)
        {
            System.Random random = new(seed);
            float[] rows = [.. Enumerable.Range(0, n * d)
                .Select(_ => (float)(Math.Round((random.NextDouble() * 2 - 1) / Math.Sqrt(d) * 65536) / 65536))];
            int[] labels = [.. Enumerable.Range(0, n).Select(_ => random.Next(classes))];
            int[] predictions = [.. labels.Select(label => random.Next(2) == 0 ? label : random.Next(classes))];
            return new(n, d, rows, labels, predictions);
        }

        public ContrastiveGeometry Geometry(SelectionStrategy strategy, RowDistance distance, float temperature) =>
            new(N, D, strategy, distance, temperature);

        public void AgreesWithReference(SelectionStrategy strategy, RowDistance distance, float temperature, double tolerance)
        {
            ContrastiveGeometry g = Geometry(strategy, distance, temperature);
            ReferenceContrastive reference = new(g, Labels, Predictions);
            double[] exact = [.. Rows.Select(value => (double)value)];
            var (loss, gradient) = Run(strategy, distance, temperature, threads: 2);
            Assert.True(float.IsFinite(loss) && gradient.All(float.IsFinite), $"{g}: not finite");
            double expected = reference.Loss(exact);
            Assert.True(Math.Abs(loss - expected) <= tolerance * Math.Max(expected, 0.1), $"{g}: loss {loss}, expected {expected}");
            double[] expectedGradient = reference.Gradient(exact);
            double largest = expectedGradient.Max(Math.Abs);
            if (largest < 1e-12)
                Assert.All(gradient, value => Assert.InRange(value, -1e-6, 1e-6));
            else
                Tolerance.Close(expectedGradient, gradient, tolerance, g.ToString());
        }

        public (float Loss, float[] Gradient) Run(SelectionStrategy strategy, RowDistance distance, float temperature, int threads)
        {
            using CpuDevice device = new(threads);
            return Run(strategy, distance, temperature, device);
        }

        public (float Loss, float[] Gradient) Run(SelectionStrategy strategy, RowDistance distance, float temperature, CpuDevice device)
        {
            ContrastiveGeometry g = Geometry(strategy, distance, temperature);
            DeviceBuffer<float> rows = device.Upload<float>(Rows), loss = device.Allocate<float>(1);
            DeviceBuffer<float> state = device.Allocate<float>(g.StateLength), dRows = device.Allocate<float>(Rows.Length);
            DeviceBuffer<int> labels = device.Upload<int>(Labels), predictions = device.Upload<int>(Predictions);
            dRows.CopyFrom([.. Enumerable.Repeat(float.NaN, Rows.Length)]);
            ContrastiveKernels.Forward(g, rows, labels, predictions, loss, state);
            ContrastiveKernels.Backward(g, rows, labels, predictions, state, device.Upload<float>([1]), dRows);
            return (loss.ToArray()[0], dRows.ToArray());
        }
    }
}
