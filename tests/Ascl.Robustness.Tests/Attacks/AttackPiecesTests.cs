using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>
/// Batches whose pieces different threads attack. That all attacks give an image the same bits in pieces is in
/// <see cref="AutoAttackTests"/>.
/// </summary>
public sealed class AttackPiecesTests
{
    private static readonly PgdAttack Pgd = new(new(0.03, 0.01, 3));

    /// <summary>Images that do not divide into equal pieces, and fewer than there are threads to give pieces to.</summary>
    [Theory]
    [InlineData(2, 16)]
    [InlineData(2, 21)]
    [InlineData(2, 75)]
    [InlineData(3, 20)]
    [InlineData(3, 53)]
    public void PiecesGiveTheResultOfTheWholeBatch(int threads, int images)
    {
        using CpuDevice one = new(1), several = new(threads);
        Assert.Equal(Pgd.Craft(Made.Model(one), Batch(one, images), Made.Key).ToArray(),
            Pgd.Perturb(Made.Model(several), Batch(several, images), Made.Key).ToArray());
    }

    [Fact]
    public void WorkOfAllThreadsIsCounted()
    {
        (double, long, long)[] counts = [.. new[] { 1, 2, 3 }.Select(Count)];
        Assert.Equal((4 * 64 - 64, 3 * 64), (counts[0].Item2, counts[0].Item3));
        Assert.All(counts, count => Assert.Equal(counts[0], count));

        static (double, long, long) Count(int threads)
        {
            using CpuDevice device = new(threads);
            (Classifier model, ImageBatch batch) = (Made.Model(device), Batch(device, 64));
            (double flop, long forward, long backward) = (WorkCount.Flop, WorkCount.ForwardImages, WorkCount.BackwardImages);
            Pgd.Perturb(model, batch, Made.Key);
            return (WorkCount.Flop - flop, WorkCount.ForwardImages - forward, WorkCount.BackwardImages - backward);
        }
    }

    /// <summary>
    /// Two attacks on one device, weights changed in between: what was computed from the old ones is made again, whichever thread comes
    /// first.
    /// </summary>
    [Fact]
    public void ChangedWeightsReachEveryThread()
    {
        using CpuDevice device = new(3), fresh = new(1);
        (Classifier model, Classifier other) = (Made.Model(device), new(fresh, Made.Model(fresh).Spec, seed: 5));
        ImageBatch batch = Batch(device, 48);
        Pgd.Perturb(model, batch, Made.Key);
        model.CopyFrom(other);
        Assert.Equal(Pgd.Craft(other, Batch(fresh, 48), Made.Key).ToArray(), Pgd.Perturb(model, batch, Made.Key).ToArray());
    }

    [Fact]
    public void AnErrorInAPieceReachesTheCaller()
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device, change: _ => throw new InvalidOperationException("no logits"));
        Assert.Equal("no logits", Assert.Throws<InvalidOperationException>(() => Pgd.Perturb(model, Batch(device, 32), Made.Key)).Message);
    }

    /// <summary>The statistics of BatchNorm are those of the whole batch.</summary>
    [Fact]
    public void TrainingModeIsNotCutIntoPieces()
    {
        PgdAttack attack = new(Pgd.Settings with { Mode = ForwardMode.Train });
        using CpuDevice one = new(1), two = new(2);
        Assert.Equal(attack.Craft(Made.Model(one), Batch(one, 32), Made.Key).ToArray(),
            attack.Perturb(Made.Model(two), Batch(two, 32), Made.Key).ToArray());
    }

    private static ImageBatch Batch(CpuDevice device, int images) => Made.Batch(device, Enumerable.Range(0, images));
}
