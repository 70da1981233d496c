using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

public class ExtraImagesTests
{
    private static readonly ImageSet Set = Made.Set(103), Other = Made.Set(40);
    private static readonly ExtraImages Extra = new(Other, 0.7);

    /// <summary>Batches of 20 have 14 extra images and 6 of the 103: 17 batches, and one of 1 and 2 (14/6, rounded).</summary>
    [Fact]
    public void EachBatchHasItsShareAndThePassIsOverTheOriginals()
    {
        BatchPlan plan = Plan(epoch: 2);
        Assert.Equal(18, plan.Count);
        Batch batch = plan.NewBatch();
        List<int> originals = [];
        for (int i = 0; i < plan.Count; i++)
        {
            plan.Fill(i, batch);
            int[] own = [.. batch.Ids.ToArray().Where(id => id < Set.Count)];
            Assert.Equal(i < 17 ? (20, 6) : (3, 1), (batch.Count, own.Length));
            Assert.Equal(batch.Count, plan.CountOf(i));
            Assert.Equal(batch.Count, batch.Ids.ToArray().Distinct().Count());
            originals.AddRange(own);
            for (int j = 0; j < batch.Count; j++)
            {
                int id = batch.Ids[j];
                var (set, place) = id < Set.Count ? (Set, id) : (Other, (id - Set.Count) % Other.Count);
                Assert.Equal(set.Labels[place], batch.Labels[j]);
                Assert.Equal(Made.Image(set, place), batch.Images.Slice(j * Set.ImageLength, Set.ImageLength).ToArray());
            }
        }
        // In the order that they have without extra images.
        Assert.Equal(BatchPlan.Training(Set, 20, Augmentation.None, seed: 1, epoch: 2).Order.ToArray(), originals);
    }

    /// <summary>Over all epochs each extra image is drawn as often as any other, give or take one, and never in the same order.</summary>
    [Fact]
    public void PassesOverTheExtraImagesGoOnFromEpochToEpoch()
    {
        List<int> drawn = [];
        for (int epoch = 0; epoch < 3; epoch++)
            drawn.AddRange(Plan(epoch).Order.ToArray().Where(i => i >= Set.Count).Select(i => (i - Set.Count) % Other.Count));
        Assert.Equal(3 * (17 * 14 + 2), drawn.Count);
        int[][] passes = [.. drawn.Chunk(Other.Count)];
        foreach (int[] pass in passes)
            Assert.Equal(pass.Length, pass.Distinct().Count());
        Assert.Equal(passes.Length, passes.Select(pass => string.Join(' ', pass.Take(12))).Distinct().Count());
    }

    /// <summary>Saved runs go on in the same order, so these numbers, by tests/fixtures/extra_images_order.py, must not change.</summary>
    [Fact]
    public void OrderMatchesRecordedValues()
    {
        Assert.Equal([2, 13, 4, 12, 10, 7, 11, 17, 3, 16, 8, 14, 15, 0, 19, 21, 6, 18, 1, 20, 24, 5, 22, 25, 9, 23, 29], Order(epoch: 0));
        Assert.Equal([0, 11, 9, 10, 12, 6, 17, 15, 4, 16, 2, 14, 21, 5, 19, 18, 8, 20, 3, 24, 23, 7, 22, 25, 1, 27, 29], Order(epoch: 1));

        static int[] Order(int epoch) => BatchPlan.Training(
            Made.Set(10), 8, Augmentation.None, seed: 1, epoch, extra: new(Made.Set(4), 0.6)).Order.ToArray();
    }

    /// <summary>An image that comes again in an epoch is cropped and flipped anew.</summary>
    [Fact]
    public void RepeatedExtraImagesHaveRandomNumbersOfTheirOwn()
    {
        var plan = BatchPlan.Training(Set, 20, Augmentation.CropAndFlip, seed: 1, epoch: 0, views: 2, Extra);
        Batch batch = plan.NewBatch();
        Dictionary<int, List<float[]>> seen = [];
        for (int i = 0; i < plan.Count; i++)
        {
            plan.Fill(i, batch);
            int count = plan.CountOf(i);
            for (int j = 0; j < count; j++)
            {
                Assert.Equal(~batch.Ids[j], batch.Ids[count + j]);
                if (batch.Ids[j] < Set.Count)
                    continue;
                int place = (batch.Ids[j] - Set.Count) % Other.Count;
                seen.TryAdd(place, []);
                seen[place].Add(batch.Images.Slice(j * Set.ImageLength, Set.ImageLength).ToArray());
            }
        }
        Assert.All(seen.Values, images => Assert.InRange(images.Count, 6, 7));
        int different = seen.Values.Sum(images => images.Select(image => string.Join(' ', image)).Distinct().Count());
        Assert.InRange(different, seen.Values.Sum(images => images.Count) / 2, int.MaxValue);
    }

    /// <summary>Shards are consecutive images of a batch: each has some of both kinds.</summary>
    [Fact]
    public void ExtraImagesLieEvenlyInABatch()
    {
        bool[] isExtra = [.. Plan(epoch: 0).Order.ToArray().Take(20).Select(i => i >= Set.Count)];
        Assert.All(isExtra.Chunk(10), half => Assert.Equal(7, half.Count(one => one)));
        Assert.All(isExtra.Chunk(5), quarter => Assert.InRange(quarter.Count(one => one), 3, 4));
    }

    /// <summary>A validation split changes neither the ids of extra images nor their order.</summary>
    [Fact]
    public void IdsOfExtraImagesFollowThoseOfTheWholeSet()
    {
        ImageSet part = Set.Subset([.. Enumerable.Range(0, 60)]);
        int[] ids = Ids(BatchPlan.Training(part, 20, Augmentation.None, 1, 0, extra: Extra)), all = Ids(Plan(epoch: 0));
        Assert.True(ids.Length > 100);
        Assert.Equal(all[..ids.Length], ids);

        static int[] Ids(BatchPlan plan)
        {
            Batch batch = plan.NewBatch();
            List<int> ids = [];
            for (int i = 0; i < plan.Count; i++)
            {
                plan.Fill(i, batch);
                ids.AddRange(batch.Ids.ToArray().Where(id => id >= Set.Count));
            }
            return [.. ids];
        }
    }

    /// <summary>Fewer original images than a batch's share of them: one batch of 5 and 12 (5·14/6, rounded).</summary>
    [Fact]
    public void AFewOriginalImagesMakeOneBatch()
    {
        var plan = BatchPlan.Training(Set.Take(5), 20, Augmentation.None, 1, 0, extra: Extra);
        Assert.Equal((1, 17, 17), (plan.Count, plan.CountOf(0), plan.BatchSize));
    }

    [Theory]
    [InlineData(0.7, 1)]
    [InlineData(0.01, 20)]
    [InlineData(0.99, 20)]
    public void BothKindsMustBeInABatch(double share, int batch) =>
        Assert.Throws<ArgumentException>(() => BatchPlan.Training(Set, batch, Augmentation.None, 1, 0, extra: new(Other, share)));

    [Fact]
    public void SizesAndClassesMustBeTheSame()
    {
        Assert.Contains("extra images are 1x2x2, those of own 1x2x3",
            Refused(Of("more", ["a", "b"], 2, [0, 1]), Of("own", ["a", "b"], 3, [0, 1])));
        Assert.Contains("more: extra images are of 3 classes, own of 2",
            Refused(Of("more", ["a", "b", "c"], 2, [0, 1]), Of("own", ["a", "b"], 2, [0, 1])));
        string other = Refused(Of("more", ["b", "a"], 2, [0, 1]), Of("own", ["a", "b"], 2, [0, 1]));
        Assert.Contains("more: has the classes of own in another order: class 0 is 'b' in the extra images, 'a' in the data", other);
        // Numbers without names, of which the largest may be missing.
        ImageSet numbered = ExtraImages.Fitted(Of("more", ["0", "1"], 2, [1, 0]), Of("own", ["a", "b", "c"], 2, [0, 2]));
        Assert.Equal(["a", "b", "c"], numbered.ClassNames);
        Assert.Equal([1, 0], numbered.Labels.ToArray());

        static string Refused(ImageSet extra, ImageSet own) =>
            Assert.Throws<UserErrorException>(() => ExtraImages.Fitted(extra, own)).Message;

        static ImageSet Of(string name, string[] classes, int width, int[] labels) =>
            new(name, classes, 1, 2, width, labels, new byte[labels.Length * 2 * width]);
    }

    private static BatchPlan Plan(int epoch) => BatchPlan.Training(Set, 20, Augmentation.None, seed: 1, epoch, extra: Extra);
}
