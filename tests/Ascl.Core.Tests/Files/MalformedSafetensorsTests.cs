using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Core.Tests.Files;

public sealed class MalformedSafetensorsTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string path;

    public MalformedSafetensorsTests() => path = directory.File("bad.safetensors");

    public void Dispose() => directory.Dispose();

    [Theory]
    // The header's length.
    [InlineData("", "is empty")]
    [InlineData("\0234567", "not a safetensors file: 7 bytes")]
    [InlineData("\xE8\x03\0\0\0\0\0\0{}", "truncated: a header of 1000 bytes in a file of 10")]
    [InlineData("\xE8\x03\0\0\0\0\0\x80{}", "not a safetensors file: a header of 9223372036854776808 bytes")]
    [InlineData("\0\xE1\xF5\x05\0\0\0\0{}", "truncated: a header of 100000000 bytes in a file of 10")]
    [InlineData("\x01\xE1\xF5\x05\0\0\0\0{}", "a header of 100000001 bytes, more than the 100000000 allowed")]
    [InlineData("\0\0\0\0\0\0\0\0", "not a safetensors file: the header is not a JSON object")]
    public void FileIsRefused(string latin1, string problem)
    {
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(latin1));
        AssertRefused(problem);
    }

    [Theory]
    // JSON.
    [InlineData("{", 0, "the header is not valid JSON")]
    [InlineData("[]", 0, "the header is not a JSON object")]
    [InlineData("{\"\xFF\":1}", 0, "the header is not valid JSON")]
    [InlineData("""{"\ud800":{}}""", 0, "the header is not valid JSON")]
    [InlineData("""{"a":{"dtype":"\ud800","shape":[],"data_offsets":[0,1]}}""", 1, "the header is not valid JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "'a'")]
    [InlineData("""{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}""", 1, "'dtype'")]
    [InlineData("""{"__metadata__":7}""", 0, "__metadata__ is not a JSON object")]
    [InlineData("""{"__metadata__":{"epoch":7}}""", 0, "__metadata__ 'epoch' is not a string")]
    // Entries.
    [InlineData("""{"a":7}""", 0, "tensor 'a': its entry is not a JSON object")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'a': 'dtype' is missing")]
    [InlineData("""{"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'a': 'dtype' is missing or not a string")]
    [InlineData("""{"a":{"dtype":"U8","data_offsets":[0,1]}}""", 1, "tensor 'a': 'shape' is missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1]}}""", 1, "tensor 'a': 'data_offsets' is missing")]
    [InlineData("""{"a":{"dtype":"U7","shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'a': unknown dtype 'U7' (valid: BOOL, U8")]
    [InlineData("""{"a":{"dtype":"1","shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'a': unknown dtype '1'")]
    [InlineData("""{"a":{"dtype":"u8","shape":[1],"data_offsets":[0,1]}}""", 1, "tensor 'a': unknown dtype 'u8'")]
    // Shapes.
    [InlineData("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1, "tensor 'a': dimension 0 of its shape is -1")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1,1.5],"data_offsets":[0,1]}}""", 1, "tensor 'a': dimension 1 of its shape is 1.5")]
    [InlineData("""{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}""", 1, "tensor 'a': dimension 0 of its shape is \"1\"")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2147483648],"data_offsets":[0,1]}}""", 1,
        "tensor 'a': dimension 0 of its shape is 2147483648")]
    [InlineData("""{"a":{"dtype":"F64","shape":[2147483647,2147483647,4],"data_offsets":[0,1]}}""", 1,
        "tensor 'a': the size of F64 [2147483647, 2147483647, 4] overflows")]
    // 2^64 elements: the product wraps to 0.
    [InlineData("""{"a":{"dtype":"U8","shape":[65536,65536,65536,65536],"data_offsets":[0,0]}}""", 0, "tensor 'a': the size of U8")]
    // Offsets.
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", 1, "tensor 'a': data_offsets are not two integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}""", 1, "tensor 'a': data_offsets are not two integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,"1"]}}""", 1, "tensor 'a': data_offsets are not two integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}}""", 1,
        "tensor 'a': data_offsets are not two integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}""", 1,
        "tensor 'a': data_offsets [-1, 0] lie outside the 1 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1, "tensor 'a': data_offsets [1, 0] lie outside")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 1,
        "tensor 'a': data_offsets [0, 2] lie outside the 1 bytes of data")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}""", 1,
        "tensor 'a': F32 [1] takes 4 bytes, data_offsets [0, 1] give it 1")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3,
        "tensor 'b' at 1 overlaps")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1,
        "tensor 'b' at 0 overlaps")]
    [InlineData("""{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 3,
        "1 bytes before tensor 'b' belong to no tensor")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 3, "the 2 bytes after the last tensor belong to no tensor")]
    [InlineData("{}", 1, "the 1 bytes after the last tensor belong to no tensor")]
    public void HeaderIsRefused(string header, int dataBytes, string problem)
    {
        WriteWithHeader(Encoding.Latin1.GetBytes(header), dataBytes);
        AssertRefused(problem);
    }

    [Theory]
    [InlineData("{}", 0)]
    [InlineData("{}   ", 0)]
    [InlineData("""{"__metadata__":{}}""", 0)]
    [InlineData("""{"z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1)]
    [InlineData("""{"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1)]
    public void UnusualButValidHeaderIsAccepted(string header, int dataBytes)
    {
        WriteWithHeader(Encoding.Latin1.GetBytes(header), dataBytes);
        SafetensorsFile.Open(path).Dispose();
    }

    [Fact]
    public void MissingFileAndDirectoryAreRefused()
    {
        Assert.Equal($"cannot read {path}: no such file", Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path)).Message);
        string directoryPath = directory.File("");
        Assert.Equal($"cannot read {directoryPath}: it is a directory",
            Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(directoryPath)).Message);
        Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(""));
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        byte[] whole = Sample();
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            AssertRefused("");
        }
    }

    [Fact]
    public void AFileCutOffAfterItWasOpenedIsAUserError()
    {
        byte[] whole = Sample();
        File.WriteAllBytes(path, whole);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        using (FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            stream.SetLength(whole.Length - 1);
        Assert.Contains("truncated", Assert.Throws<UserErrorException>(() => file.ReadBytes(file.Names.Last())).Message);
    }

    [Fact]
    public void RandomDamageToTheHeaderGivesAUserErrorOrAReadableFile()
    {
        byte[] whole = Sample();
        int headerEnd = 8 + (int)BitConverter.ToInt64(whole);
        var random = new System.Random(1);
        int refused = 0;
        for (int trial = 0; trial < 3000; trial++)
        {
            byte[] damaged = [.. whole];
            for (int flips = random.Next(1, 5); flips > 0; flips--)
                damaged[random.Next(headerEnd)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, damaged);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                foreach (string name in file.Names)
                    Assert.Equal(file.ReadBytes(name).Length,
                        file.Shape(name).Aggregate(file.Dtype(name)!.Value.Size(), (size, length) => size * length));
            }
            catch (UserErrorException e)
            {
                Assert.StartsWith(path, e.Message);
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 2999);
    }

    private byte[] Sample()
    {
        var writer = new SafetensorsWriter();
        writer.Add("conv1.weight", [2, 2], [1f, 2f, 3f, 4f]);
        writer.Add("labels", [3], [1L, 2L, 3L]);
        writer.Add<byte>("images", [3, 1], [1, 2, 3]);
        writer.Metadata["format"] = "pt";
        writer.Save(path);
        return File.ReadAllBytes(path);
    }

    private void WriteWithHeader(byte[] header, int dataBytes) =>
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[dataBytes]]);

    private void AssertRefused(string problem)
    {
        UserErrorException e = Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path));
        Assert.StartsWith($"{path}: ", e.Message);
        Assert.Contains(problem, e.Message);
    }
}
