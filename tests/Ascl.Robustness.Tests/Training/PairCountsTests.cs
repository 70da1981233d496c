using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Robustness.Tests.Training;

public sealed class PairCountsTests
{
    [Fact]
    public void PairsAreCountedByClassOfTheAnchor()
    {
        using CpuDevice device = new(1);
        // Two images of class 0, one of class 1, one of class 2; the second is taken for a 1.
        DeviceBuffer<int> labels = device.Upload<int>([0, 0, 1, 2]), predictions = device.Upload<int>([0, 1, 1, 0]);
        PairCounts global = PairCounts.Of(SelectionStrategy.Global, labels, predictions, 3);
        PairCounts leaked = PairCounts.Of(SelectionStrategy.Leaked, labels, predictions, 3);
        Assert.Equal([2, 0, 0], global.Positives);
        Assert.Equal([4, 3, 3], global.Negatives);
        Assert.Equal((4, 2, 0), (global.Anchors, global.WithoutPositives, global.WithoutNegatives));
        // Leaked: the 0 taken for a 1 and the 1; the 0 and the 2 taken for a 0.
        Assert.Equal([0, 0, 0], leaked.Positives);
        Assert.Equal([2, 1, 1], leaked.Negatives);
        Assert.Equal((4, 4, 0), (leaked.Anchors, leaked.WithoutPositives, leaked.WithoutNegatives));

        SelectionPercent percent = (leaked + leaked).PercentOf(global + global);
        Assert.Equal((0, 40), (percent.Positives, percent.Negatives));
        Assert.Equal([0, 0, 0], percent.PositivesByClass!);
        Assert.Equal([50, 100 / 3.0, 100 / 3.0], percent.NegativesByClass!);
        Assert.Equal(100, percent.AnchorsWithoutPositives);
    }
}
