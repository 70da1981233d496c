using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Tests;

/// <summary>Images and labels as NumPy 1.24 writes them, those of wrn-10-1.safetensors.</summary>
public sealed class NumpyImagesTests
{
    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "fixtures");

    [Theory]
    [InlineData("nchw_uint8.npz")]
    [InlineData("nchw_float32.npz")]
    [InlineData("nhwc_uint8_compressed.npz")]
    [InlineData("images_fortran.npy")]
    public void ImagesAndLabelsAreTheGoldenFiles(string name)
    {
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(Fixtures, "wrn-10-1.safetensors"));
        float[] images = golden.ReadFloats("images");
        DataSet set = DataSource.Open($"file:{Path.Combine(Fixtures, "torch", name)}", new() { AllowEmptyClasses = true });
        Assert.Equal((8, 3, 32, 32), (set.Test.Count, set.Test.Channels, set.Test.Height, set.Test.Width));
        Assert.Equal(golden.ReadIntegers("labels").Select(label => (int)label), set.Test.Labels.ToArray());
        // Bytes are the images rounded to 255 levels.
        for (int i = 0; i < 8; i++)
        {
            Assert.All(images[(i * 3072)..((i + 1) * 3072)].Zip(Made.Image(set.Test, i)),
                pair => Assert.Equal(pair.First, pair.Second, 0.5f / 255 + 1e-6f));
        }
    }

    [Fact]
    public void ADirectoryOfArraysIsReadByTheirNames()
    {
        using TemporaryFolder folder = new();
        string fixtures = Path.Combine(Fixtures, "torch");
        foreach (string part in new[] { "train", "test" })
        {
            File.Copy(Path.Combine(fixtures, "images_fortran.npy"), Path.Combine(folder.Path, $"{part}_images.npy"));
            File.Copy(Path.Combine(fixtures, "labels.npy"), Path.Combine(folder.Path, $"{part}_labels.npy"));
        }
        DataSet set = DataSource.Open($"file:{folder.Path}", new() { AllowEmptyClasses = true });
        Assert.True(set is { HasTrainPart: true, HasTestPart: true, Train.Count: 8, Test.Count: 8 });
    }

    [Theory]
    [InlineData("refuse_float_0_255.npz", "divide them by 255, or give them as U8")]
    [InlineData("refuse_objects.npy", "is Python objects")]
    [InlineData("labels.npy", "[8]")]
    [InlineData("plain.pt", "wanted are images and labels")]
    [InlineData("missing.npy", "no such file")]
    public void OtherFilesAreRefusedInOneLine(string name, string expected)
    {
        string message = Assert.Throws<UserErrorException>(() => DataSource.Open($"file:{Path.Combine(Fixtures, "torch", name)}")).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
