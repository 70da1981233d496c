namespace Ascl.Data.Tests;

public class BatchPlanTests
{
    private static readonly ImageSet Set = Made.Set(103);

    [Fact]
    public void EveryImageComesOnceAndTheLastBatchIsPartial()
    {
        BatchPlan plan = BatchPlan.Training(Set, 20, Augmentation.None, seed: 1, epoch: 2);
        Batch batch = plan.NewBatch();
        Assert.Equal(6, plan.Count);
        var ids = new List<int>();
        for (int i = 0; i < plan.Count; i++)
        {
            plan.Fill(i, batch);
            Assert.Equal(i < 5 ? 20 : 3, batch.Count);
            Assert.Equal(batch.Count * Set.ImageLength, batch.Images.Length);
            for (int j = 0; j < batch.Count; j++)
            {
                Assert.Equal(Set.Labels[batch.Ids[j]], batch.Labels[j]);
                Assert.Equal(Made.Image(Set, batch.Ids[j]), batch.Images.Slice(j * Set.ImageLength, Set.ImageLength).ToArray());
            }
            ids.AddRange(batch.Ids);
        }
        Assert.Equal(Enumerable.Range(0, 103), ids.Order());
        Assert.NotEqual(Enumerable.Range(0, 103), ids);
    }

    [Fact]
    public void TheFirstOfTwoViewsIsThatOfOne()
    {
        BatchPlan one = BatchPlan.Training(Set, 20, Augmentation.CropAndFlip, seed: 1, epoch: 2);
        BatchPlan two = BatchPlan.Training(Set, 20, Augmentation.CropAndFlip, seed: 1, epoch: 2, views: 2);
        Batch single = one.NewBatch(), both = two.NewBatch();
        Assert.Equal(one.Count, two.Count);
        for (int i = 0; i < one.Count; i++)
        {
            one.Fill(i, single);
            two.Fill(i, both);
            Assert.Equal(2 * single.Count, both.Count);
            Assert.Equal([.. single.Labels, .. single.Labels], both.Labels.ToArray());
            Assert.Equal([.. single.Ids, .. single.Ids.ToArray().Select(id => ~id)], both.Ids.ToArray());
            Assert.Equal(single.Images.ToArray(), both.Images[..single.Images.Length].ToArray());
            Assert.NotEqual(single.Images.ToArray(), both.Images[single.Images.Length..].ToArray());
        }
    }

    [Fact]
    public void EvaluationKeepsTheOrder()
    {
        var (ids, _) = All(BatchPlan.Evaluation(Set, 32));
        Assert.Equal(Enumerable.Range(0, 103), ids);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(103)]
    [InlineData(1000)]
    public void ImagesAndOrderDoNotDependOnTheBatchSize(int batchSize)
    {
        var (ids, images) = All(BatchPlan.Training(Set, 16, Augmentation.CropAndFlip, 9, 4));
        var (otherIds, otherImages) = All(BatchPlan.Training(Set, batchSize, Augmentation.CropAndFlip, 9, 4));
        Assert.Equal(ids, otherIds);
        Assert.Equal(images, otherImages);
    }

    [Fact]
    public void ImagesAndTheirOrderDoNotDependOnTheOtherImages()
    {
        var (ids, images) = All(BatchPlan.Training(Set, 16, Augmentation.CropAndFlip, 9, 4));
        int[] some = [.. Enumerable.Range(0, 103).Where(i => i % 3 != 1).Reverse()];
        var (someIds, someImages) = All(BatchPlan.Training(Set.Subset(some), 10, Augmentation.CropAndFlip, 9, 4));
        Assert.Equal(ids.Where(some.Contains), someIds);
        int length = Set.ImageLength, place = ids.IndexOf(someIds[5]);
        Assert.Equal(images.GetRange(place * length, length), someImages.GetRange(5 * length, length));
    }

    [Fact]
    public void SeedAndEpochChangeTheOrder()
    {
        int[][] orders = [Order(1, 0), Order(1, 1), Order(2, 0)];
        Assert.Equal(orders[0], Order(1, 0));
        Assert.Equal(3, orders.Select(order => string.Join(",", order)).Distinct().Count());

        static int[] Order(ulong seed, int epoch) => BatchPlan.Training(Set, 8, Augmentation.None, seed, epoch).Order.ToArray();
    }

    /// <summary>Saved runs continue in the same order, so these numbers, computed by an independent program, must not change.</summary>
    [Fact]
    public void OrderMatchesRecordedValues() => Assert.Equal(
        ExpectedOrder, BatchPlan.Training(Made.Set(10), 8, Augmentation.None, seed: 1, epoch: 0).Order.ToArray());

    private static readonly int[] ExpectedOrder = [2, 4, 7, 3, 8, 0, 6, 1, 5, 9];

    private static (List<int> Ids, List<float> Images) All(BatchPlan plan)
    {
        List<int> ids = [];
        List<float> images = [];
        Batch batch = plan.NewBatch();
        for (int i = 0; i < plan.Count; i++)
        {
            plan.Fill(i, batch);
            ids.AddRange(batch.Ids);
            images.AddRange(batch.Images);
        }
        return (ids, images);
    }
}
