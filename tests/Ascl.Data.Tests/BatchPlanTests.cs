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
        int[][] orders =
        [
            BatchPlan.Training(Set, 8, Augmentation.None, 1, 0).Order.ToArray(), BatchPlan.Training(Set, 8, Augmentation.None, 1, 1).Order.ToArray(),
            BatchPlan.Training(Set, 8, Augmentation.None, 2, 0).Order.ToArray(),
        ];
        Assert.Equal(orders[0], BatchPlan.Training(Set, 8, Augmentation.None, 1, 0).Order.ToArray());
        Assert.Equal(3, orders.Select(order => string.Join(",", order)).Distinct().Count());
    }

    /// <summary>Saved runs go on in the same order: these numbers may not change.</summary>
    [Fact]
    public void OrderIsTheSameForEver() => Assert.Equal(
        ExpectedOrder, BatchPlan.Training(Made.Set(10), 8, Augmentation.None, seed: 1, epoch: 0).Order.ToArray());

    private static readonly int[] ExpectedOrder = [0];

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
