using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Kernels.Tests.Devices;
using Xunit;

namespace Ascl.Kernels.Tests.Attack;

public sealed class SquareL2KernelsTests
{
    private const int Channels = 3, Count = 24;
    private const float Epsilon = 0.3f;
    private static readonly RandomKey Key = new(5, RandomPurpose.Square, 9);

    /// <summary>Without a change to begin with, every channel's window becomes ±η, of length ε/√C, at one place.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(7)]
    public void FromTheImageAProposalIsOnePatternOfLengthEpsilon(int side)
    {
        const int height = 8, width = 11, plane = height * width;
        using CpuDevice device = new(2);
        float[] grey = [.. Enumerable.Repeat(0.5f, Count * Channels * plane)];
        float[][] deltas = Propose(device, height, width, side, grey, grey);
        double[,] upright = Pattern(side);
        HashSet<(int, int)> corners = [];
        HashSet<(bool IsLying, int Sign)> kinds = [];
        foreach (float[] delta in deltas)
        {
            (int Row, int Column)[] changed = [.. from i in Enumerable.Range(0, delta.Length)
                where delta[i] != 0 select (i % plane / width, i % width)];
            int top = changed.Min(p => p.Row), left = changed.Min(p => p.Column);
            Assert.Equal((side - 1, side - 1, Channels * side * side),
                (changed.Max(p => p.Row) - top, changed.Max(p => p.Column) - left, changed.Length));
            corners.Add((top, left));
            for (int c = 0; c < Channels; c++)
                kinds.Add(KindOf(c));

            (bool, int) KindOf(int c)
            {
                foreach (bool isLying in new[] { false, true })
                    foreach (int sign in new[] { 1, -1 })
                        if (changed.All(
                            p => Math.Abs(
                                sign * Epsilon / Math.Sqrt(Channels)
                                * (isLying ? upright[p.Column - left, p.Row - top] : upright[p.Row - top, p.Column - left])
                                - delta[c * plane + p.Row * width + p.Column]) < 1e-6))
                            return (side > 1 && isLying, sign);
                Assert.Fail($"channel {c} holds no pattern");
                return default;
            }
        }
        Assert.Equal(side == 1 ? 2 : 4, kinds.Count);
        Assert.True(corners.Count > 4);
    }

    /// <summary>A proposal against the published steps in double precision, from points with budget left and without.</summary>
    [Theory]
    [InlineData(3, 1)]
    [InlineData(5, 1)]
    [InlineData(7, 1)]
    [InlineData(5, 0.6)]
    [InlineData(5, 1.01)]
    public void AProposalIsThatOfTheAlgorithm(int side, double used)
    {
        const int height = 10, width = 9, plane = height * width, image = Channels * plane;
        using CpuDevice device = new(2);
        float[] grey = [.. Enumerable.Repeat(0.5f, Count * image)], noise = DeviceData.Normal(Count * image, 3);
        float[] x = [.. noise.Chunk(image).SelectMany(d => d.Select(v => (float)(0.5 + used * Epsilon * v / Length(d))))];
        float[][] deltas = Propose(device, height, width, side, grey, x);
        int overlaps = 0;
        for (int n = 0; n < Count; n++)
        {
            RandomKey own = Key.For(100 + n);
            int Place(uint word, int size) => (int)(Philox.Word(own, word) / 4294967296.0 * (size - side + 1));
            bool Odd(uint word) => Philox.Word(own, word) % 2 == 1;
            int[] Pixels(int top, int left) =>
                [.. Enumerable.Range(0, plane)
                    .Where(i => i / width >= top && i / width < top + side && i % width >= left && i % width < left + side)];
            int[] first = Pixels(Place(0, height), Place(1, width)), second = Pixels(Place(2, height), Place(3, width));
            overlaps += first.Intersect(second).Any() ? 1 : 0;
            double[] before = [.. x[(n * image)..((n + 1) * image)].Select(v => (double)v - 0.5)], after = [.. before];
            double[,] eta = Pattern(side);
            double window = Enumerable.Range(0, Channels).Sum(c => first.Union(second).Sum(i => Math.Pow(before[c * plane + i], 2)));
            double budget = Math.Sqrt(Math.Max(Math.Pow(Epsilon, 2) - Math.Pow(Length(before), 2), 0) / Channels + window);
            for (int c = 0; c < Channels; c++)
            {
                double had = Math.Sqrt(first.Sum(i => Math.Pow(before[c * plane + i], 2)));
                double[] fresh =
                    [.. first.Select(
                        (i, at) =>
                            (Odd(5 + (uint)c) ? 1 : -1) * (Odd(4) ? eta[at % side, at / side] : eta[at / side, at % side])
                            + before[c * plane + i] / had)];
                foreach (int i in second)
                    after[c * plane + i] = 0;
                foreach (var (at, i) in first.Index())
                    after[c * plane + i] = fresh[at] / Length(fresh) * budget;
            }
            double length = Length(after);
            for (int i = 0; i < image; i++)
                Assert.Equal(after[i] / length * Epsilon, deltas[n][i], 2e-7);
        }
        Assert.InRange(overlaps, 1, side == 3 ? Count - 1 : Count);
    }

    /// <summary>Grids of five by five patterns in the middle where the image is large enough; the change has length ε exactly.</summary>
    [Theory]
    [InlineData(28, 28, 5, 1, 1)]
    [InlineData(32, 32, 6, 1, 1)]
    [InlineData(11, 17, 2, 0, 0)]
    [InlineData(4, 3, 1, 0, 0)]
    [InlineData(1, 1, 1, 0, 0)]
    public void TheStartIsAGridOfPatternsOfLengthEpsilon(int height, int width, int side, int top, int left)
    {
        using CpuDevice device = new(2);
        int plane = height * width, image = Channels * plane, rows = height / side, columns = width / side;
        DeviceBuffer<float> original = device.Upload<float>([.. Enumerable.Repeat(0.5f, Count * image)]);
        DeviceBuffer<float> x = device.Allocate<float>(Count * image);
        SquareL2Kernels.Tiles(Channels, height, width, original, Ids(device), Key, Epsilon, x);
        double[,] eta = Pattern(side);
        double scale = Epsilon / Math.Sqrt(rows * columns * Channels);
        int[] signs = new int[2];
        foreach (float[] delta in x.ToArray().Select(v => v - 0.5f).Chunk(image))
        {
            Assert.Equal(Epsilon, Length(delta), 1e-6);
            for (int c = 0; c < Channels; c++)
                for (int i = 0; i < plane; i++)
                {
                    int row = i / width - top, column = i % width - left;
                    bool isInside = row >= 0 && row < rows * side && column >= 0 && column < columns * side;
                    double expected = isInside ? scale * Math.Abs(eta[row % side, column % side]) : 0;
                    double lying = isInside ? scale * Math.Abs(eta[column % side, row % side]) : 0;
                    double found = Math.Abs(delta[c * plane + i]);
                    Assert.True(Math.Abs(found - expected) < 1e-6 || Math.Abs(found - lying) < 1e-6, $"pixel {i}: {found}, not {expected}");
                    signs[delta[c * plane + i] > 0 ? 1 : 0]++;
                }
        }
        Assert.InRange(signs[1] / (double)signs.Sum(), image == Channels ? 0.25 : 0.35, image == Channels ? 0.75 : 0.65);
    }

    [Fact]
    public void ProposalsStayInTheBallAndTheImageRangeAndAtTheImageForEpsilonZero()
    {
        const int height = 9, width = 9, image = Channels * height * width;
        using CpuDevice device = new(2);
        float[] original = [.. DeviceData.Uniform(Count * image, 8, -0.25f, 1.25f).Select(v => Math.Clamp(v, 0, 1))];
        foreach (float epsilon in new[] { 0, 1e-3f, 0.5f, 5f, 100f })
        {
            DeviceBuffer<float> o = device.Upload<float>(original), x = device.Allocate<float>(Count * image);
            DeviceBuffer<float> candidate = device.Allocate<float>(Count * image);
            SquareL2Kernels.Tiles(Channels, height, width, o, Ids(device), Key, epsilon, x);
            for (uint query = 1; query < 20; query++)
            {
                float[] here = x.ToArray();
                Assert.All(here, v => Assert.InRange(v, 0, 1));
                Assert.All(here.Zip(original, (a, b) => (double)a - b).Chunk(image),
                    d => Assert.True(Math.Sqrt(d.Sum(v => v * v)) <= epsilon + 1e-6));
                Assert.Equal(epsilon == 0, here.SequenceEqual(original));
                SquareL2Kernels.Propose(Channels, height, width, o, Ids(device), Key.At(query), epsilon, 1 + 2 * (int)(query % 5), x,
                    candidate);
                (x, candidate) = (candidate, x);
            }
        }
    }

    private static float[][] Propose(CpuDevice device, int height, int width, int side, float[] original, float[] x)
    {
        DeviceBuffer<float> candidate = device.Allocate<float>(x.Length);
        SquareL2Kernels.Propose(Channels, height, width, device.Upload<float>(original), Ids(device), Key, Epsilon, side,
            device.Upload<float>(x), candidate);
        return [.. candidate.ToArray().Zip(original, (a, b) => a - b).Chunk(Channels * height * width)];
    }

    /// <summary>η as it is published: growing rectangles around the middle of either half are added up.</summary>
    private static double[,] Pattern(int side)
    {
        double[,] eta = new double[side, side];
        Add(0, side / 2, 1);
        Add(side / 2, side - side / 2, -1);
        double length = Math.Sqrt(eta.Cast<double>().Sum(v => v * v));
        for (int i = 0; i < side * side; i++)
            eta[i / side, i % side] /= length;
        return eta;

        void Add(int from, int rows, int sign)
        {
            double[,] half = new double[rows, side];
            for (int size = 0; size < Math.Max(rows / 2, side / 2) + 1; size++)
                for (int row = Math.Max(rows / 2 - size, 0); row < Math.Min(rows / 2 + size + 1, rows); row++)
                    for (int column = Math.Max(side / 2 - size, 0); column < Math.Min(side / 2 + size + 1, side); column++)
                        half[row, column] += 1 / Math.Pow(size + 1, 2);
            double length = Math.Sqrt(half.Cast<double>().Sum(v => v * v));
            for (int i = 0; i < rows * side; i++)
                eta[from + i / side, i % side] = sign * half[i / side, i % side] / length;
        }
    }

    private static double Length(IEnumerable<float> values) => Math.Sqrt(values.Sum(v => (double)v * v));

    private static double Length(IEnumerable<double> values) => Math.Sqrt(values.Sum(v => v * v));

    private static DeviceBuffer<int> Ids(CpuDevice device) => device.Upload<int>([.. Enumerable.Range(100, Count)]);
}
