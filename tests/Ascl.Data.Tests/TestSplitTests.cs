using Ascl.Core.Files;

namespace Ascl.Data.Tests;

public sealed class TestSplitTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0.2, 4, 2)]
    [InlineData(0.5, 10, 5)]
    [InlineData(0.01, 1, 1)]
    [InlineData(0.999, 19, 9)]
    public void EachClassGivesItsShareAndKeepsAnImage(double share, int first, int second)
    {
        DataSet set = Open([.. Enumerable.Repeat(0L, 20), .. Enumerable.Repeat(1L, 10), 2], share);
        Assert.Equal([first, second, 0], set.Test.CountByClass());
        Assert.Equal([20 - first, 10 - second, 1], set.Train.CountByClass());
        Assert.Equal(Enumerable.Range(0, 31), set.Train.Ids.ToArray().Concat(set.Test.Ids.ToArray()).Order());
        Assert.True(set.HasTestPart);
        Assert.Equal(("data train", "data test"), (set.Train.Name, set.Test.Name));
        Assert.Contains("without test images, because they have one image only: 2", set.Notes);
        Assert.Contains(set.Notes, note => note.StartsWith($"{first + second} of 31 images are split off"));
    }

    /// <summary>The choice of test images must not change between versions, because results of runs are compared on them.</summary>
    [Fact]
    public void SplitMatchesRecordedValues() =>
        Assert.Equal("2,8,11,13,18,19", string.Join(",", Open([.. Enumerable.Range(0, 20).Select(i => i % 2L)], 0.3).Test.Ids.ToArray()));

    /// <summary>Another order of the images, as after renaming files, gives the same test images.</summary>
    [Fact]
    public void SplitDoesNotDependOnTheOrderOfImages()
    {
        DataSet set = Open([.. Enumerable.Range(0, 20).Select(i => i % 2L)], 0.3);
        byte[] images = Made.Bytes(80, 1), turned = [.. images.Chunk(4).Reverse().SelectMany(image => image)];
        var file = new SafetensorsWriter();
        file.Add("images", [20, 1, 2, 2], turned);
        file.Add("labels", [20], [.. Enumerable.Range(0, 20).Select(i => (19 - i) % 2L)]);
        file.Save(folder["turned.safetensors"]);
        DataSet other = DataSource.Open($"file:{folder["turned.safetensors"]}", new() { TestShare = 0.3 });
        Assert.Equal(set.Test.Ids.ToArray().Order(), other.Test.Ids.ToArray().Select(id => 19 - id).Order());
    }

    [Fact]
    public void ShareOfOneMakesAllTestImages()
    {
        DataSet set = Open([0, 1, 0], 1);
        Assert.Equal((3, true, false), (set.Test.Count, set.HasTestPart, set.HasTrainPart));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void OtherSharesAreRefused(double share) =>
        UserError.Expect(() => Open([0, 1], share), "test-share", "more than 0 and at most 1");

    [Fact]
    public void UnsplittableDataAreRefused()
    {
        UserError.Expect(() => Open([0, 1], 0.5), "no class has two images");
        UserError.Expect(() => DataSource.Open("sample", new() { TestShare = 0.2 }), "sample", "test-share 0.2", "1000");
    }

    private DataSet Open(long[] labels, double share)
    {
        var file = new SafetensorsWriter();
        file.Add("images", [labels.Length, 1, 2, 2], Made.Bytes(4 * labels.Length, 1));
        file.Add("labels", [labels.Length], labels);
        file.Save(folder["data.safetensors"]);
        return DataSource.Open($"file:{folder["data.safetensors"]}", new() { TestShare = share });
    }
}
