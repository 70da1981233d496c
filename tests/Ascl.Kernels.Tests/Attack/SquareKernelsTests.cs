using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Xunit;

namespace Ascl.Kernels.Tests.Attack;

public sealed class SquareKernelsTests
{
    private const int Channels = 3, Height = 6, Width = 9, Image = Channels * Height * Width, Count = 40;
    private const float Epsilon = 0.1f;
    private static readonly RandomKey Key = new(5, RandomPurpose.Square);

    [Fact]
    public void StripesAreOneSignDownEachColumnOfAChannel()
    {
        using CpuDevice device = new(2);
        DeviceBuffer<float> grey = device.Upload<float>([.. Enumerable.Repeat(0.5f, Count * Image)]);
        DeviceBuffer<float> x = device.Allocate<float>(Count * Image);
        SquareKernels.Stripes(Channels, Height, Width, grey, Ids(device), Key, Epsilon, x);
        float[] striped = x.ToArray();
        Assert.All(striped, v => Assert.True(v is 0.6f or 0.4f));
        for (int n = 0; n < Count; n++)
            for (int c = 0; c < Channels; c++)
                for (int column = 0; column < Width; column++)
                    Assert.Single(Enumerable.Range(0, Height).Select(row => striped[n * Image + c * Height * Width + row * Width + column])
                        .Distinct());
        Assert.InRange(striped.Count(v => v == 0.6f) / (double)striped.Length, 0.4, 0.6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    public void AProposalMovesOneWindowAndStaysInTheBall(int side)
    {
        using CpuDevice device = new(2);
        // The point is the ball's lower corner: a move down changes nothing, one up goes to the upper corner.
        DeviceBuffer<float> original = device.Upload<float>([.. Enumerable.Repeat(0.5f, Count * Image)]);
        DeviceBuffer<float> x = device.Upload<float>([.. Enumerable.Repeat(0.4f, Count * Image)]);
        DeviceBuffer<float> candidate = device.Allocate<float>(Count * Image);
        SquareKernels.Propose(Channels, Height, Width, original, Ids(device), Key, Epsilon, side, x, candidate);
        float[] moved = candidate.ToArray();
        HashSet<(int, int)> corners = [];
        int up = 0;
        for (int n = 0; n < Count; n++)
        {
            HashSet<(int, int)> own = [];
            for (int c = 0; c < Channels; c++)
            {
                (int Row, int Column)[] changed = [.. from row in Enumerable.Range(0, Height) from column in Enumerable.Range(0, Width)
                                                      where moved[n * Image + c * Height * Width + row * Width + column] != 0.4f select (
                                                          row, column)];
                if (changed.Length == 0)
                    continue;
                up++;
                Assert.Equal(side * side, changed.Length);
                Assert.Equal((side - 1, side - 1),
                    (changed.Max(p => p.Row) - changed.Min(p => p.Row), changed.Max(p => p.Column) - changed.Min(p => p.Column)));
                Assert.All(changed, p => Assert.Equal(0.6f, moved[n * Image + c * Height * Width + p.Row * Width + p.Column], 1e-6f));
                own.Add(changed[0]);
            }
            Assert.True(own.Count <= 1, "the channels of an image have one window");
            corners.UnionWith(own);
        }
        Assert.InRange(up, Count * Channels / 4, 3 * Count * Channels / 4);
        Assert.True(corners.Count > (side == Height ? 1 : 5));
    }

    private static DeviceBuffer<int> Ids(CpuDevice device) => device.Upload<int>([.. Enumerable.Range(100, Count)]);
}
