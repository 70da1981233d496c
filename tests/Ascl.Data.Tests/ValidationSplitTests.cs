namespace Ascl.Data.Tests;

public class ValidationSplitTests
{
    [Theory]
    [InlineData(30, 10)]
    [InlineData(31, 10)]
    [InlineData(299, 10)]
    [InlineData(1, 3)]
    public void EachClassGivesItsShare(int count, int classes)
    {
        ImageSet set = Made.Set(300, classes);
        var (train, validation) = ValidationSplit.Of(set, count, seed: 5);
        Assert.Equal(count, validation.Count);
        Assert.Equal(Enumerable.Range(0, 300), train.Ids.ToArray().Concat(validation.Ids.ToArray()).Order());
        Assert.All(validation.CountByClass(), n => Assert.InRange(n, count / classes, count / classes + 1));
        Assert.Equal(validation.Ids.ToArray().Order(), validation.Ids.ToArray());
        Assert.Equal(train.Ids.ToArray().Order(), train.Ids.ToArray());
    }

    [Fact]
    public void UnequalClassesGiveInProportion()
    {
        int[] labels = [.. Enumerable.Repeat(0, 80), .. Enumerable.Repeat(1, 20)];
        var set = new ImageSet("s", ["a", "b"], 1, 1, 1, labels, new byte[100]);
        Assert.Equal([8, 2], ValidationSplit.Of(set, 10, 1).Validation.CountByClass());
    }

    [Fact]
    public void DependsOnTheSeedOnly()
    {
        ImageSet set = Made.Set(300);
        int[] first = ValidationSplit.Of(set, 40, 1).Validation.Ids.ToArray();
        Assert.Equal(first, ValidationSplit.Of(set, 40, 1).Validation.Ids.ToArray());
        Assert.NotEqual(first, ValidationSplit.Of(set, 40, 2).Validation.Ids.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(30)]
    [InlineData(31)]
    public void NeitherPartMayBeEmpty(int count) =>
        UserError.Expect(() => ValidationSplit.Of(Made.Set(30), count, 1), "made", $"validation is {count}, but there are 30");
}
