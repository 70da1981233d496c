namespace Ascl.Data.Tests;

public class ImageSetTests
{
    [Fact]
    public void BytesBecomeUnitFloatsInChannelOrder()
    {
        var set = new ImageSet("s", ["a", "b"], 2, 1, 2, [1, 0], [0, 51, 102, 255, 1, 2, 3, 4]);
        Assert.Equal([0f, 0.2f, 0.4f, 1f], Made.Image(set, 0));
        Assert.Equal([1 / 255f, 2 / 255f, 3 / 255f, 4 / 255f], Made.Image(set, 1));
        Assert.Equal([1, 0], set.Labels.ToArray());
        Assert.Equal([1, 1], set.CountByClass());
    }

    [Fact]
    public void FloatsStayAsTheyAre()
    {
        var set = new ImageSet("s", ["a"], 1, 1, 2, [0, 0], [0f, 0.3f, 1f, 0.123456f]);
        Assert.Equal([1f, 0.123456f], Made.Image(set, 1));
    }

    /// <summary>The hash of an image is the same as bytes and floats, in another set and with another label.</summary>
    [Fact]
    public void PixelHashesDistinguishImages()
    {
        ImageSet bytes = Made.Set(6), some = bytes.Subset([4, 2]);
        float[] pixels = [.. Enumerable.Range(0, 6).SelectMany(i => Made.Image(bytes, i))];
        ImageSet floats = new("floats", ["a"], 3, 4, 5, new int[6], pixels);
        Assert.Equal(bytes.PixelHashes(), floats.PixelHashes());
        Assert.Equal([bytes.PixelHashes()[4], bytes.PixelHashes()[2]], some.PixelHashes());
        Assert.Equal(6, bytes.PixelHashes().Distinct().Count());
        pixels[0] = 1 - pixels[0];
        Assert.NotEqual(bytes.PixelHashes()[0], new ImageSet("floats", ["a"], 3, 4, 5, new int[6], pixels).PixelHashes()[0]);
    }

    [Fact]
    public void SubsetsKeepIdsPixelsAndLabels()
    {
        ImageSet set = Made.Set(20), odd = set.Subset([9, 7, 5, 3, 1]), some = odd.Subset([4, 0]), first = odd.Take(2);
        Assert.Equal([1, 9], some.Ids.ToArray());
        Assert.Equal([9, 7], first.Ids.ToArray());
        Assert.Equal([set.Labels[1], set.Labels[9]], some.Labels.ToArray());
        Assert.Equal(Made.Image(set, 9), Made.Image(some, 1));
        Assert.Equal(20, set.Take(100).Count);
        UserError.Expect(() => set.Take(0), "made", "0 images");
    }

    [Fact]
    public void StatisticsAgreeWithTheDefinitionForBytesAndFloats()
    {
        ImageSet set = Made.Set(50).Subset([.. Enumerable.Range(10, 30)]);
        float[] all = [.. Enumerable.Range(0, set.Count).SelectMany(i => Made.Image(set, i))];
        var floats = new ImageSet("floats", set.ClassNames, 3, 4, 5, set.Labels.ToArray(), all);
        foreach (ImageSet each in new[] { set, floats })
        {
            var (mean, std) = each.ChannelStatistics();
            for (int c = 0; c < 3; c++)
            {
                double[] values = [.. Enumerable.Range(0, set.Count).SelectMany(i => Made.Image(set, i)[(20 * c)..(20 * c + 20)])];
                double average = values.Average(), variance = values.Average(v => (v - average) * (v - average));
                Assert.Equal(average, mean[c], 1e-6);
                Assert.Equal(Math.Sqrt(variance), std[c], 1e-6);
            }
        }
    }

    [Fact]
    public void ConstantChannelCanBeNormalized()
    {
        var black = new ImageSet("black", ["a"], 1, 2, 2, [0], new byte[4]);
        Assert.Equal([0f], black.ChannelStatistics().Std);
        Assert.Equal([1f], new DataSet("black", black, black, Augmentation.None).Normalization().Std);
    }

    [Fact]
    public void WrongContentsAreNamed()
    {
        UserError.Expect(() => new ImageSet("s", ["a"], 1, 1, 1, [], Array.Empty<byte>()), "s:", "no images");
        UserError.Expect(() => new ImageSet("s", ["a"], 1, 1, 2, [0, 0], new byte[3]), "s:", "1.5 images", "2 labels");
        UserError.Expect(() => new ImageSet("s", ["a", "b"], 1, 1, 1, [0, 2], new byte[2]), "s:", "image 1", "label 2", "2 classes");
        UserError.Expect(() => new ImageSet("s", ["a"], 1, 1, 1, [-1], new byte[1]), "label -1");
        foreach (float wrong in new[] { float.NaN, -0.001f, 1.001f, float.PositiveInfinity })
            UserError.Expect(() => new ImageSet("s", ["a"], 1, 1, 2, [0, 0], [0f, 1f, 0.5f, wrong]), "s:", "image 1", "[0, 1]");
    }

    [Fact]
    public void PartsOfADataSetMustAgree()
    {
        ImageSet one = Made.Set(3);
        UserError.Expect(() => new DataSet("d", one, Made.Set(3, channels: 1), Augmentation.None), "d:", "3x4x5", "1x4x5");
        UserError.Expect(() => new DataSet("d", one, Made.Set(3, classes: 2), Augmentation.None), "d:", "classes");
        Assert.False(new DataSet("d", one, one, Augmentation.None).HasTestPart);
        Assert.True(new DataSet("d", one, Made.Set(3), Augmentation.None).HasTestPart);
    }
}
