using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Core.Tests.Files;

/// <summary>Arrays that NumPy wrote of the images and labels of wrn-10-1.safetensors.</summary>
public sealed class NumpyFileTests
{
    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "fixtures");

    [Theory]
    [InlineData("nchw_uint8.npz", "images", "labels", 1 / 510f + 1e-6f)]
    [InlineData("nchw_float32.npz", "X", "y", 0)]
    public void ArchivesHoldTheImages(string name, string images, string labels, float rounding)
    {
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(Fixtures, "wrn-10-1.safetensors"));
        using TensorFile file = TensorFile.Open(Path.Combine(Fixtures, "torch", name));
        Assert.Equal([8, 3, 32, 32], file.Shape(images));
        float[] read = file.Dtype(images) == TensorDtype.U8
            ? [.. file.ReadBytes(images).Select(value => value / 255f)]
            : file.ReadFloats(images);
        Assert.All(golden.ReadFloats("images").Zip(read), pair => Assert.Equal(pair.First, pair.Second, rounding));
        Assert.Equal(golden.ReadIntegers("labels"), file.ReadIntegers(labels));
    }

    [Fact]
    public void FortranOrderAndBigEndianAreRead()
    {
        string folder = Path.Combine(Fixtures, "torch");
        using TensorFile plain = TensorFile.Open(Path.Combine(folder, "nhwc_uint8_compressed.npz"));
        using TensorFile files = TensorFile.OpenArrays("files",
            [("images", Path.Combine(folder, "images_fortran.npy")), ("labels", Path.Combine(folder, "labels.npy"))]);
        Assert.Equal([8, 32, 32, 3], files.Shape("images"));
        Assert.Equal(plain.ReadBytes("image"), files.ReadBytes("images"));
        Assert.Equal(plain.ReadIntegers("label"), files.ReadIntegers("labels"));
    }

    [Fact]
    public void ObjectsAreRefusedWhereTheyAreNeeded()
    {
        using TensorFile file = TensorFile.Open(Path.Combine(Fixtures, "torch", "refuse_objects.npy"));
        string name = Assert.Single(file.Names);
        Assert.Contains("is Python objects, integers are needed",
            Assert.Throws<UserErrorException>(() => file.ReadIntegers(name)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "is cut off")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "1 bytes follow")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 3), }", 24, "has a dimension of 99999999999")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000, 2000000000, 9), }", 24, "overflows")]
    [InlineData("{'descr': '<f4', 'shape': (2, 3), }", 24, "its header is not that of a NumPy array")]
    public void DamagedHeadersAreRefused(string header, int bytes, string expected)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("a.npy");
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. System.Text.Encoding.ASCII.GetBytes(header),
            .. new byte[bytes]]);
        Assert.Contains(expected, Assert.Throws<UserErrorException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
    }
}
