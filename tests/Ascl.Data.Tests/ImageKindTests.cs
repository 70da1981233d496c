using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using Ascl.Data.Sources;

namespace Ascl.Data.Tests;

/// <summary>Compares decoded images of many kinds and sizes with PIL (Images/make.py).</summary>
public sealed class ImageKindTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("small.png", "small.png", 0)]
    [InlineData("rgba.png", "rgba.white.png", 1)]
    [InlineData("palette.png", "palette.white.png", 0)]
    [InlineData("sixteen.png", "sixteen.upper.png", 0)]
    [InlineData("baseline.jpg", "baseline.decoded.png", 4)]
    [InlineData("progressive.jpg", "progressive.decoded.png", 4)]
    [InlineData("cmyk.jpg", "cmyk.decoded.png", 4)]
    public void DecodesAsPilDoes(string name, string expected, int tolerance) =>
        AssertClose(Decode(Fixture(expected)), Decode(Fixture(name)), tolerance);

    [Theory]
    [InlineData("small", 8)]
    [InlineData("small", 20)]
    [InlineData("small", 29)]
    [InlineData("small", 50)]
    [InlineData("tall", 11)]
    public void ResizesAsTorchvisionDoes(string name, int side)
    {
        DataSet set = Open([("train/a/1.png", Fixture($"{name}.png"))], new() { Resize = side });
        var (header, expected) = Decode(Fixture($"{name}.{side}.png"));
        AssertClose((header, expected), (new(3, set.Train.Height, set.Train.Width, false, false), set.Train.Bytes.ToArray()), 0);
    }

    /// <summary>Pixels are read as stored, as by PIL and torchvision; an EXIF orientation is noted.</summary>
    [Theory]
    [InlineData(false, 6, true)]
    [InlineData(true, 3, true)]
    [InlineData(true, 1, false)]
    public void OrientationIsToldAndNotApplied(bool isLittle, byte orientation, bool isTold)
    {
        byte[] entry = isLittle
            ? [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]
            : [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
        byte[] tiff = isLittle
            ? [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, .. entry, 0, 0, 0, 0]
            : [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, .. entry, 0, 0, 0, 0];
        byte[] exif = [.. "Exif\0\0"u8, .. tiff], plain = Made.Jpeg(200, 10, 30);
        byte[] turned = [.. plain[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. plain[2..]];
        DataSet set = Open([("train/a/1.jpg", turned), ("train/b/1.png", Made.Png(1))]);
        Assert.Equal(isTold, set.Notes.Contains("1 of 2 images have an EXIF orientation: it is ignored, as PyTorch does"));
        Assert.Equal(Made.Image(Open([("train/a/1.jpg", plain), ("train/b/1.png", Made.Png(1))]).Train, 0), Made.Image(set.Train, 0));
        // A truncated EXIF directory has no orientation.
        for (int length = 0; length < exif.Length; length++)
            JpegFile.ReadHeader([.. plain[..2], 0xFF, 0xE1, 0, (byte)(length + 2), .. exif[..length], .. plain[2..]]);
    }

    [Fact]
    public void FloatsAreResizedAsBytesAre()
    {
        var (header, image) = Decode(Fixture("small.png"));
        DataOptions options = new() { Resize = 20, Crop = 15 };
        byte[] bytes = ResizeAndCrop.Apply(image, 3, header.Height, header.Width, options);
        float[] floats = ResizeAndCrop.Apply([.. image.Select(value => value / 255f)], 3, header.Height, header.Width, options);
        Assert.Equal(3 * 15 * 15, floats.Length);
        for (int i = 0; i < floats.Length; i++)
            Assert.Equal(bytes[i], floats[i] * 255, 1.01);
    }

    /// <summary>CenterCrop's corner is half of the difference, with halves rounded to even.</summary>
    [Theory]
    [InlineData(5, 7, 4, 0, 2)]
    [InlineData(7, 5, 4, 2, 0)]
    [InlineData(9, 6, 4, 2, 1)]
    [InlineData(4, 4, 4, 0, 0)]
    public void CropIsTheCentre(int height, int width, int crop, int top, int left)
    {
        byte[] image = [.. Enumerable.Range(0, 2 * height * width).Select(i => (byte)i)];
        byte[] cut = ResizeAndCrop.Apply(image, 2, height, width, new() { Crop = crop });
        IEnumerable<byte> expected =
            from c in Enumerable.Range(0, 2)
            from y in Enumerable.Range(top, crop)
            from x in Enumerable.Range(left, crop)
            select image[(c * height + y) * width + x];
        Assert.Equal([.. expected], cut);
    }

    [Fact]
    public void ImagesOfAllSizesBecomeAlike()
    {
        (string, byte[])[] files =
            [("train/a/1.png", Made.Png(1, 6, 5)), ("train/a/2.png", Made.Png(2, 9, 7)), ("train/a/3.png", Made.Png(3, 5, 11))];
        UserError.Expect(() => Open(files), "2.png is 9x7", "1.png is 6x5", "resize 5 and crop 5");
        UserError.Expect(() => Open(files, new() { Resize = 4 }), "2.png is 5x4", "crop 4");
        UserError.Expect(() => Open(files, new() { Crop = 6 }), "1.png is 6x5", "too small for crop 6");
        DataSet set = Open(files, new() { Resize = 4, Crop = 4 });
        Assert.Equal((3, 4, 4), (set.Train.Count, set.Train.Height, set.Train.Width));
        Assert.Equal(5, Open(files, new() { Crop = 5 }).Train.Width);
        UserError.Expect(() => Open(files, new() { Resize = 0 }), "resize", "0");
        UserError.Expect(() => Open(files, new() { Crop = 5000 }), "crop", "5000");
        UserError.Expect(() => Open([("train/a/1.png", Made.Png(1, 1, 9000))], new() { Resize = 4096 }), "4096x36864000");
    }

    [Fact]
    public void OtherSourcesAreResizedToo()
    {
        DataSet plain = DataSource.Open("sample"), set = DataSource.Open("sample", new() { Resize = 32, Crop = 30 });
        Assert.Equal((5000, 1000, 30, 30), (set.Train.Count, set.Test.Count, set.Train.Height, set.Test.Width));
        Assert.Equal(plain.Train.ChannelStatistics().Mean[0], set.Train.ChannelStatistics().Mean[0], 0.05);
        Assert.Contains("images are changed from 28x28 to 30x30", set.Notes);
        byte[] changed = ResizeAndCrop.Apply(plain.Test.Bytes[..784].ToArray(), 1, 28, 28, new() { Resize = 32, Crop = 30 });
        Assert.Equal(changed, set.Test.Bytes[..900].ToArray());
    }

    [Fact]
    public void GreyAmongColoursIsWidened()
    {
        DataSet set = Open(
            [("train/a/1.png", Made.Png(1)), ("train/a/2.png", Made.Png(2, channels: 1)), ("test/a/1.png", Made.Png(3, channels: 1))]);
        Assert.Equal(3, set.Test.Channels);
        Assert.Equal([.. Made.Bytes(30, 2), .. Made.Bytes(30, 2), .. Made.Bytes(30, 2)], set.Train.Bytes[90..].ToArray());
        Assert.Equal(["2 of 3 images are grey: read as RGB, as the others are"], set.Notes);
    }

    [Fact]
    public void TransparencyIsPutOnWhiteAndNoted()
    {
        DataSet set = Open([("train/a/1.png", Made.Png(2, 1, 2, [0, 255, 90, 100]))]);
        Assert.Equal([0, 190], set.Train.Bytes.ToArray());
        Assert.Contains("1 of 1 images have transparency: put on white", set.Notes);
        DataSet grey = Open([("train/a/1.png", Png(3, 1, 8, 4, 0, [0, 100, 255, 100, 0, 100, 51]))]);
        Assert.Equal([100, 255, 224], grey.Train.Bytes.ToArray());
    }

    /// <summary>A PNG with a transparent colour (tRNS).</summary>
    [Fact]
    public void TransparentColourIsPutOnWhite()
    {
        byte[] png = Png(2, 1, 8, 2, 0, [0, 10, 20, 30, 40, 50, 60], [.. "tRNS"u8, 0, 40, 0, 50, 0, 60]);
        Assert.Equal([10, 255, 20, 255, 30, 255], Decode(png).Pixels);
    }

    [Fact]
    public void SixteenBitsAreNoted()
    {
        DataSet set = Open([("train/a/1.png", Fixture("sixteen.png")), ("train/a/2.png", Fixture("sixteen.png"))]);
        Assert.Contains("2 of 2 images have 16 bits a channel: the upper 8 are read", set.Notes);
    }

    [Fact]
    public void ReadsInterlacedPng()
    {
        // 3 x 2 pixels: passes 1, 4, 5 and 6, 7 hold (0,0); (2,0); none; (1,0); (0,1) (1,1) (2,1).
        byte[] png = Png(3, 2, 8, 0, 1, [0, 10, 0, 30, 0, 20, 0, 40, 50, 60]);
        Assert.Equal([10, 20, 30, 40, 50, 60], Decode(png).Pixels);
        byte[] fewer = Png(3, 2, 8, 0, 1, [0, 10, 0, 30, 0, 20, 0, 40, 50]);
        UserError.Expect(() => Decode(fewer), "9 of 10 bytes");
    }

    /// <summary>A PNG of these rows, each with its filter before it.</summary>
    private static byte[] Png(int width, int height, byte bits, byte kind, byte interlace, byte[] rows, byte[]? chunk = null)
    {
        byte[] header = [.. "IHDR"u8, 0, 0, 0, (byte)width, 0, 0, 0, (byte)height, bits, kind, 0, 0, interlace];
        var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(rows);
        byte[] own = chunk is null ? [] : Chunk(chunk);
        byte[] pixels = Chunk([.. "IDAT"u8, .. packed.ToArray()]), end = Chunk([.. "IEND"u8]);
        return [137, 80, 78, 71, 13, 10, 26, 10, .. Chunk(header), .. own, .. pixels, .. end];
    }

    private static byte[] Chunk(byte[] data)
    {
        byte[] chunk = [0, 0, 0, 0, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length - 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc32.HashToUInt32(data));
        return chunk;
    }

    private static (ImageHeader Header, byte[] Pixels) Decode(byte[] file)
    {
        ImageHeader header = ImageDecoder.ReadHeader("image", file);
        return (header, ImageDecoder.Decode("image", file, header));
    }

    private static void AssertClose((ImageHeader Header, byte[] Pixels) expected, (ImageHeader Header, byte[] Pixels) actual, int tolerance)
    {
        Assert.Equal(
            (expected.Header.Channels, expected.Header.Height, expected.Header.Width),
            (actual.Header.Channels, actual.Header.Height, actual.Header.Width));
        Assert.Equal(expected.Pixels.Length, actual.Pixels.Length);
        Assert.InRange(expected.Pixels.Zip(actual.Pixels, (e, a) => Math.Abs(e - a)).Max(), 0, tolerance);
    }

    private static byte[] Fixture(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Images", name));

    private DataSet Open((string, byte[])[] files, DataOptions? options = null) =>
        DataSource.Open($"folder:{folder.WriteAs("zip", files)}", options, folder["cache"]);
}
