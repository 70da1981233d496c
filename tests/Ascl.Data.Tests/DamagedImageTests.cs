using System.Buffers.Binary;
using System.IO.Hashing;
using Ascl.Core.Diagnostics;
using Ascl.Data.Sources;

namespace Ascl.Data.Tests;

/// <summary>Images that are truncated, damaged, or claim more than they hold are all refused.</summary>
public sealed class DamagedImageTests
{
    private static readonly byte[] EndMarker = [0xFF, 0xD9];

    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("baseline-444.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("grey.jpg")]
    [InlineData("cmyk.jpg")]
    [InlineData("small.png")]
    [InlineData("palette.png")]
    [InlineData("sixteen.png")]
    public void TruncatedImagesAreRefusedAtEveryLength(string name)
    {
        byte[] whole = Fixture(name);
        Decode(whole);
        for (int length = 0; length < whole.Length; length++)
            Refuse(whole[..length]);
    }

    /// <summary>An embedded thumbnail, as cameras write it, has an end marker of its own.</summary>
    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("progressive.jpg")]
    public void EndMarkerOfAThumbnailIsNotTheEnd(string name)
    {
        byte[] large = Fixture(name), segment = [.. "Exif\0\0"u8, .. Made.Jpeg(1, 2, 3)];
        int marked = segment.Length + 2;
        byte[] whole = [.. large[..2], 0xFF, 0xE1, (byte)(marked >> 8), (byte)marked, .. segment, .. large[2..]];
        Assert.Equal(Decode(large), Decode(whole));
        for (int length = 2; length < whole.Length; length += 13)
            Refuse(whole[..length]);
    }

    /// <summary>Truncated with an end marker appended, as by repair programs: only the coefficients show it.</summary>
    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("baseline-444.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("grey.jpg")]
    [InlineData("cmyk.jpg")]
    public void TruncatedImagesWithAnEndMarkerAreRefused(string name)
    {
        byte[] whole = Fixture(name);
        // The last bits may be padding only.
        for (int length = 2; length < whole.Length - 4; length++)
            Refuse([.. whole[..length], .. EndMarker]);
    }

    [Fact]
    public void BytesBehindTheEndAreAllowed()
    {
        byte[] whole = Fixture("baseline.jpg"), png = Fixture("small.png");
        Assert.Equal(Decode(whole), Decode([.. whole, .. new byte[100]]));
        Assert.Equal(Decode(whole), Decode([.. whole, .. whole[..50]]));
        Assert.Equal(Decode(png), Decode([.. png, 1, 2, 3]));
    }

    /// <summary>Three blocks of one value each, with a restart marker after every block.</summary>
    [Fact]
    public void RestartMarkersAreRead()
    {
        // Codes: 00 for a difference of no bits, 01 for one of 4 bits; 0 for the end of a block.
        byte[] tables =
        [
            0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)8, 64),
            0xFF, 0xC4, 0, 21, 0x00, 0, 2, .. new byte[14], 0, 4,
            0xFF, 0xC4, 0, 20, 0x10, 1, .. new byte[15], 0,
            0xFF, 0xDD, 0, 4, 0, 1,
        ];
        byte[] frame = [0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 24, 1, 1, 0x11, 0], scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
        // 01 1010 0, 01 0101 0, 00 0: differences of 10, -10 and 0 from 0 at each start; filled up with ones.
        byte[] data = [0b01101001, 0xFF, 0xD0, 0b01010101, 0xFF, 0xD1, 0b00011111];
        byte[] whole = [0xFF, 0xD8, .. tables, .. frame, .. scan, .. data, .. EndMarker];
        byte[] pixels = Decode(whole);
        Assert.Equal([138, 118, 128], [pixels[0], pixels[8], pixels[16]]);
        Refuse([0xFF, 0xD8, .. tables, .. frame, .. scan, .. data[..^3], .. EndMarker]);
        Refuse([0xFF, 0xD8, .. tables, .. frame, .. scan, .. data[..^1]]);
        Refuse([0xFF, 0xD8, .. tables, .. frame, .. EndMarker]);
        Refuse([0xFF, 0xD8, .. tables, .. scan, .. data, .. EndMarker]);
    }

    /// <summary>Any change of one byte gives an image or a user error in bounded time, and no other exception.</summary>
    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("small.png")]
    public void CorruptedBytesDecodeOrGiveAUserError(string name)
    {
        byte[] whole = Fixture(name);
        var random = new Random(1);
        for (int i = 0; i < 1500; i++)
        {
            byte[] broken = [.. whole];
            // Most of the changes are in the headers.
            broken[random.Next(i % 3 == 0 ? whole.Length : Math.Min(700, whole.Length))] = (byte)random.Next(256);
            try
            {
                Decode(broken);
            }
            catch (UserErrorException e)
            {
                Assert.StartsWith("image", e.Message);
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    /// <summary>Memory is bounded by what a file of its length can decode to.</summary>
    [Fact]
    public void ClaimedSizesAreCheckedBeforeMemoryIsTaken()
    {
        byte[] png = Fixture("small.png"), large = [.. png];
        BinaryPrimitives.WriteInt32BigEndian(large.AsSpan(16), 20000);
        BinaryPrimitives.WriteInt32BigEndian(large.AsSpan(20), 20000);
        BinaryPrimitives.WriteUInt32BigEndian(large.AsSpan(29), Crc32.HashToUInt32(large.AsSpan(12, 17)));
        RefuseCheaply(large, "20000x20000", "can hold");
        // As much as deflate could expand it to, but did not.
        BinaryPrimitives.WriteInt32BigEndian(large.AsSpan(16), 700);
        BinaryPrimitives.WriteInt32BigEndian(large.AsSpan(20), 1000);
        BinaryPrimitives.WriteUInt32BigEndian(large.AsSpan(29), Crc32.HashToUInt32(large.AsSpan(12, 17)));
        RefuseCheaply(large, "of 2101000 bytes");
        foreach (string name in new[] { "baseline.jpg", "progressive.jpg", "grey.jpg" })
        {
            byte[] jpeg = Fixture(name);
            int frame = FrameAt(jpeg);
            BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 60000);
            BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 60000);
            RefuseCheaply(jpeg, "60000x60000", "can hold");
        }

        static int FrameAt(byte[] jpeg) => Enumerable.Range(0, jpeg.Length).First(i => jpeg[i] == 0xFF && jpeg[i + 1] is (0xC0 or 0xC2));

        static void RefuseCheaply(byte[] file, params string[] parts)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            UserError.Expect(() => Decode(file), parts);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        }
    }

    private static void Refuse(byte[] file) => UserError.Expect(() => Decode(file), "image");

    private static byte[] Decode(byte[] file) => ImageDecoder.Decode("image", file, ImageDecoder.ReadHeader("image", file));

    private static byte[] Fixture(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Images", name));
}
