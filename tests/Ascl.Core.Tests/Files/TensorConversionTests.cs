using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Core.Tests.Files;

public sealed class TensorConversionTests : IDisposable
{
    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "fixtures", "torch");
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(".safetensors")]
    [InlineData(".pt")]
    [InlineData(".pth")]
    public void EveryTensorKeepsItsTypeShapeAndBits(string extension)
    {
        using TensorFile source = TensorFile.Open(Path.Combine(Fixtures, "bfloat16.pt"));
        string target = directory.File("target" + extension);
        var (count, leftOut) = TensorConversion.Convert(source, "", target);
        Assert.Equal(source.Names.Count, count);
        Assert.Empty(leftOut);
        using TensorFile written = TensorFile.Open(target);
        Assert.Equal(source.Names.Order(StringComparer.Ordinal), written.Names.Order(StringComparer.Ordinal));
        foreach (string name in source.Names)
        {
            Assert.Equal((source.Dtype(name), source.Describe(name)), (written.Dtype(name), written.Describe(name)));
            Assert.Equal(source.ReadBytes(name), written.ReadBytes(name));
        }
    }

    [Fact]
    public void APartIsWrittenWithoutItsPrefixAndOwnTextsAreKept()
    {
        SafetensorsWriter writer = new();
        writer.Add("ema.a", [2], new long[] { 1, -2 });
        writer.Add("b", [], new double[] { 0.5 });
        writer.Metadata["ascl.provenance"] = "{\"a\": \"ä\"}";
        writer.Metadata["other"] = "x";
        writer.Save(directory.File("source.safetensors"));
        using TensorFile source = TensorFile.Open(directory.File("source.safetensors"));
        TensorConversion.Convert(source, "ema.", directory.File("target.pt"));
        using TensorFile written = TensorFile.Open(directory.File("target.pt"));
        Assert.Equal(["a"], written.Names);
        Assert.Equal([1, -2], written.ReadIntegers("a"));
        Assert.Equal("{\"a\": \"ä\"}", Assert.Single(written.Metadata).Value);
        Assert.Contains("no tensors 'none.…'", Assert.Throws<UserErrorException>(
            () => TensorConversion.Convert(source, "none.", directory.File("none.pt"))).Message, StringComparison.Ordinal);
        Assert.Contains("does not end in", Assert.Throws<UserErrorException>(
            () => TensorConversion.Convert(source, "", directory.File("target.bin"))).Message, StringComparison.Ordinal);
    }
}
