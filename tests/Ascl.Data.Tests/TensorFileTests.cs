using Ascl.Core.Files;

namespace Ascl.Data.Tests;

public sealed class TensorFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly byte[] pixels = Made.Bytes(4 * 3 * 2 * 5, 1);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ReadsBytesAndFloatsWithAnyLabels()
    {
        float[] units = [.. pixels.Select(value => value / 255f)];
        string[] files =
        [
            Write(file => { file.Add("images", [4, 3, 2, 5], pixels); file.Add("labels", [4], new long[] { 0, 2, 1, 0 }); }),
            Write(file => { file.Add("images", [4, 3, 2, 5], units); file.Add("labels", [4], new int[] { 0, 2, 1, 0 }); }),
            Write(file => { file.Add("images", [4, 3, 2, 5], units); file.Add("labels", [4], new byte[] { 0, 2, 1, 0 }); }),
        ];
        foreach (string file in files)
        {
            DataSet set = DataSource.Open($"file:{file}");
            Assert.False(set.HasTestPart);
            Assert.Equal((4, 3, 2, 5), (set.Test.Count, set.Test.Channels, set.Test.Height, set.Test.Width));
            Assert.Equal([0, 2, 1, 0], set.Test.Labels.ToArray());
            Assert.Equal(["0", "1", "2"], set.ClassNames);
            Assert.Equal(units[30..60], Made.Image(set.Test, 1));
        }
    }

    [Fact]
    public void ReadsBothParts()
    {
        DataSet set = DataSource.Open("file:" + Write(file =>
        {
            file.Add("train.images", [3, 1, 2, 5], pixels[..30]);
            file.Add("train.labels", [3], new long[] { 0, 1, 2 });
            file.Add("test.images", [1, 1, 2, 5], pixels[30..40]);
            file.Add("test.labels", [1], new long[] { 2 });
        }));
        Assert.True(set.HasTestPart);
        Assert.True(set.HasTrainPart);
        Assert.Equal((3, 1, 3), (set.Train.Count, set.Test.Count, set.ClassNames.Count));
        Assert.Equal(pixels[30..40].Select(value => value / 255f), Made.Image(set.Test, 0));
        Assert.Equal(Augmentation.None, set.Augmentation);
    }

    [Fact]
    public void WrongTensorsAreNamed()
    {
        long[] labels = [0, 1, 2, 3];
        int[] shape = [4, 3, 2, 5];
        Expect(file => file.Add("labels", [4], labels), "images");
        Expect(file => file.Add("images", shape, pixels), "labels");
        ExpectBoth([4, 30], pixels, [4], labels, "images", "[4, 30]", "N, C, H, W");
        ExpectBoth([4, 2, 3, 5], pixels, [4], labels, "images", "1 or 3 channels", "[4, 2, 3, 5]");
        ExpectBoth([0, 3, 3, 5], Array.Empty<byte>(), [0], Array.Empty<long>(), "images", "[0, 3, 3, 5]");
        ExpectBoth(shape, new short[120], [4], labels, "images", "I16");
        ExpectBoth(shape, pixels, [3], labels[..3], "labels", "[3]", "4 images");
        ExpectBoth(shape, pixels, [4], new long[] { 0, -1, 0, 0 }, "labels[1]", "-1");
        ExpectBoth(shape, pixels, [4], new long[] { 0, long.MaxValue, 0, 0 }, "labels[1]");
        ExpectBoth(shape, pixels, [4], new float[] { 0, 1, 0.5f, 0 }, "labels", "F32", "0.5", "whole");
        ExpectBoth(shape, pixels, [4], new float[] { 0, 1, float.NaN, 0 }, "labels", "NaN");
        foreach (float wrong in new[] { float.NaN, 1.5f, -1f })
        {
            float[] values = new float[120];
            values[70] = wrong;
            ExpectBoth(shape, values, [4], labels, "images", "image 2", "[0, 1]");
        }
        Expect(file => { file.Add("train.images", [4, 3, 2, 5], pixels); file.Add("labels", [4], labels); },
            "train.labels", "y", "train.images U8 [4, 3, 2, 5]", "labels I64 [4]");
        Expect(file => { file.Add("x", shape, pixels); file.Add("data", shape, pixels); file.Add("y", [4], labels); },
            "data", "x", "which");
    }

    private void ExpectBoth<TPixel, TLabel>(int[] shape, TPixel[] images, int[] labelShape, TLabel[] labels, params string[] parts)
        where TPixel : unmanaged
        where TLabel : unmanaged => Expect(
            file =>
            {
                file.Add("images", shape, images);
                file.Add("labels", labelShape, labels);
            },
            parts);

    private void Expect(Action<SafetensorsWriter> fill, params string[] parts)
    {
        string path = Write(fill);
        UserError.Expect(() => DataSource.Open($"file:{path}"), [path, .. parts]);
    }

    private string Write(Action<SafetensorsWriter> fill)
    {
        var file = new SafetensorsWriter();
        fill(file);
        string path = folder[$"{Guid.NewGuid():N}.safetensors"];
        file.Save(path);
        return path;
    }
}
