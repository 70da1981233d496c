using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Core.Tests.Files;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string path;

    public SafetensorsTests() => path = directory.File("tensors.safetensors");

    public void Dispose() => directory.Dispose();

    [Fact]
    public void IntegersOfEveryTypeRoundTrip()
    {
        var writer = new SafetensorsWriter();
        writer.Add<bool>("BOOL", [3], [true, false, true]);
        writer.Add<byte>("U8", [2], [0, 255]);
        writer.Add<sbyte>("I8", [2], [-128, 127]);
        writer.Add<ushort>("U16", [2], [0, ushort.MaxValue]);
        writer.Add<short>("I16", [2], [short.MinValue, short.MaxValue]);
        writer.Add<uint>("U32", [2], [0, uint.MaxValue]);
        writer.Add<int>("I32", [2], [int.MinValue, int.MaxValue]);
        writer.Add<long>("I64", [2], [long.MinValue, long.MaxValue]);
        writer.Add<ulong>("U64", [2], [0, long.MaxValue]);
        writer.Save(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([1, 0, 1], file.ReadIntegers("BOOL"));
        Assert.Equal([0, 255], file.ReadIntegers("U8"));
        Assert.Equal([-128, 127], file.ReadIntegers("I8"));
        Assert.Equal([0, ushort.MaxValue], file.ReadIntegers("U16"));
        Assert.Equal([short.MinValue, short.MaxValue], file.ReadIntegers("I16"));
        Assert.Equal([0, uint.MaxValue], file.ReadIntegers("U32"));
        Assert.Equal([int.MinValue, int.MaxValue], file.ReadIntegers("I32"));
        Assert.Equal([long.MinValue, long.MaxValue], file.ReadIntegers("I64"));
        Assert.Equal([0, long.MaxValue], file.ReadIntegers("U64"));
        Assert.All(file.Names, name => Assert.Equal(name, file.Dtype(name).ToString()));
        Assert.Equal<byte>([0x00, 0x80, 0xFF, 0x7F], file.ReadBytes("I16"));
    }

    [Fact]
    public void FloatsOfEveryTypeRoundTrip()
    {
        var writer = new SafetensorsWriter();
        writer.Add("F64", [2, 2], [Math.PI, double.MaxValue, double.NegativeInfinity, double.NaN]);
        writer.Add("F32", [2, 2], [MathF.PI, float.Epsilon, -0f, float.NaN]);
        writer.Add("F16", [2], [(Half)1.5, Half.MaxValue]);
        writer.AddBytes("BF16", TensorDtype.BF16, [2], [0xC0, 0x3F, 0x80, 0xFF]);
        writer.Save(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([Math.PI, double.MaxValue, double.NegativeInfinity, double.NaN], file.ReadDoubles("F64"));
        Assert.Equal([MathF.PI, float.PositiveInfinity, float.NegativeInfinity, float.NaN], file.ReadFloats("F64"));
        Assert.Equal(
            new[] { MathF.PI, float.Epsilon, -0f, float.NaN }.Select(BitConverter.SingleToInt32Bits),
            file.ReadFloats("F32").Select(BitConverter.SingleToInt32Bits));
        Assert.Equal([(double)MathF.PI, float.Epsilon, -0.0, double.NaN], file.ReadDoubles("F32"));
        Assert.Equal([1.5f, 65504f], file.ReadFloats("F16"));
        Assert.Equal([1.5, 65504], file.ReadDoubles("F16"));
        Assert.Equal([1.5f, float.NegativeInfinity], file.ReadFloats("BF16"));
        Assert.Equal([1.5, double.NegativeInfinity], file.ReadDoubles("BF16"));
        Assert.All(file.Names, name => Assert.Equal(name, file.Dtype(name).ToString()));
    }

    [Fact]
    public void ShapesNamesAndMetadataRoundTrip()
    {
        var writer = new SafetensorsWriter();
        writer.Add("scalar", [], [7L]);
        writer.Add("empty", [3, 0, 2], Array.Empty<float>());
        writer.Add("naïve \"名\"\n", [2, 1], [1f, 2f]);
        writer.Metadata["format"] = "pt";
        writer.Metadata["note"] = "a \"quoted\" ε";
        writer.Save(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["empty", "naïve \"名\"\n", "scalar"], file.Names.Order(StringComparer.Ordinal));
        Assert.Equal([], file.Shape("scalar"));
        Assert.Equal([7], file.ReadIntegers("scalar"));
        Assert.Equal([3, 0, 2], file.Shape("empty"));
        Assert.Empty(file.ReadFloats("empty"));
        Assert.Equal([2, 1], file.Shape("naïve \"名\"\n"));
        Assert.Equal("a \"quoted\" ε", file.Metadata["note"]);
        Assert.Equal(2, file.Metadata.Count);
        Assert.True(file.Contains("scalar"));
        Assert.False(file.Contains("Scalar"));
    }

    [Fact]
    public void TensorsLongerThanAChunkRoundTrip()
    {
        double[] values = [.. Enumerable.Range(0, 1_100_000).Select(i => i / 3.0)];
        var writer = new SafetensorsWriter();
        writer.Add("first", [3], [1f, 2f, 3f]);
        writer.Add("long", [1100, 1000], values);
        writer.Save(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(values, file.ReadDoubles("long"));
        Assert.Equal([1f, 2f, 3f], file.ReadFloats("first"));
    }

    [Fact]
    public void LayoutMatchesTheReferenceImplementation()
    {
        var writer = new SafetensorsWriter();
        writer.Add<byte>("a", [3], [1, 2, 3]);
        writer.Add("c", [1], [1f]);
        writer.Add("b", [1], [2f]);
        writer.Save(path);
        byte[] bytes = File.ReadAllBytes(path);
        const string header =
            """{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"c":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"""
            + """
              "a":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}
              """;
        string padded = header.PadRight((header.Length + 7) / 8 * 8);
        Assert.Equal(
            [.. BitConverter.GetBytes((long)padded.Length), .. Encoding.ASCII.GetBytes(padded), 0, 0, 0, 64, 0, 0, 128, 63, 1, 2, 3],
            bytes);
    }

    [Fact]
    public void WriterRefusesInvalidTensors()
    {
        var writer = new SafetensorsWriter();
        writer.Add("a", [2], [1f, 2f]);
        Assert.Throws<ArgumentException>(() => writer.Add("a", [2], [1f, 2f]));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", [2], [1f, 2f]));
        Assert.Throws<ArgumentException>(() => writer.Add("b", [3], [1f, 2f]));
        Assert.Throws<ArgumentException>(() => writer.AddBytes("b", TensorDtype.BF16, [2], [1, 2]));
        Assert.Throws<ArgumentException>(() => writer.Add<decimal>("b", [1], [1m]));
    }

    [Fact]
    public void MissingTensorErrorNamesFileAndTensor()
    {
        var writer = new SafetensorsWriter();
        writer.Add("linear.weight", [1], [1f]);
        writer.Add("huge", [1], [ulong.MaxValue]);
        writer.Save(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal($"{path}: no tensor 'linear.wieght' (the nearest is 'linear.weight')", Message(() => file.Shape("linear.wieght")));
        Assert.Equal($"{path}: no tensor 'conv1'", Message(() => file.ReadFloats("conv1")));
        Assert.Equal($"{path}: tensor 'linear.weight' is F32, integers are needed", Message(() => file.ReadIntegers("linear.weight")));
        Assert.Equal($"{path}: tensor 'huge' is U64, floating-point numbers are needed", Message(() => file.ReadFloats("huge")));
        Assert.StartsWith($"{path}: tensor 'huge': 18446744073709551615 ", Message(() => file.ReadIntegers("huge")));
    }

    private static string Message(Action action) => Assert.Throws<UserErrorException>(action).Message;
}
