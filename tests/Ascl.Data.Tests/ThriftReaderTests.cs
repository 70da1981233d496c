using Ascl.Data.Sources;

namespace Ascl.Data.Tests;

/// <summary>Structures in thrift's compact protocol, written by hand.</summary>
public class ThriftReaderTests
{
    private static readonly ThriftShape Int32 = new(ThriftType.I32), Text = new(ThriftType.Binary);

    private static readonly Dictionary<int, ThriftShape> Fields = new()
    {
        [1] = Int32,
        [2] = Text,
        [3] = new(ThriftType.List, Element: Int32),
        [4] = new(ThriftType.Struct, new() { [1] = new(ThriftType.Yes) }),
    };

    [Fact]
    public void NumbersListsAndStructuresAreRead()
    {
        // 1: -2; 2: two bytes; 3: two numbers; 4: {1: yes}; 9: a number that is not known.
        Dictionary<int, object> values = Read(0x15, 3, 0x18, 2, 65, 66, 0x19, 0x25, 2, 4, 0x1C, 0x11, 0, 0x55, 2, 0);
        Assert.Equal((-2L, 2L), (values[1], values[3]));
        Assert.Equal(1L, Assert.IsType<Dictionary<int, object>>(values[4])[1]);
        Assert.Equal(3, values.Count);
    }

    [Theory]
    [InlineData("it ends too early", 0x15)]
    [InlineData("it ends too early", 0x15, 2)]
    [InlineData("it ends too early", 0x15, 0xFF, 0xFF)]
    [InlineData("more than 10 bytes", 0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0)]
    [InlineData("field 1 of a header has type 6", 0x16, 2, 0)]
    [InlineData("claims a text of 2147483647 bytes", 0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0)]
    [InlineData("claims a list of 2147483647 elements", 0x39, 0xF5, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0)]
    [InlineData("a list of type 8", 0x39, 0x18, 0, 0)]
    [InlineData("a field 5 of type 12, which is not known", 0x5C, 0x11, 0, 0)]
    [InlineData("a field 5 of type 9, which is not known", 0x59, 0x15, 2, 0)]
    public void WrongBytesAreRefusedWithoutMemory(string problem, params int[] bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(problem, Assert.Throws<InvalidDataException>(() => Read([.. bytes.Select(value => (byte)value)])).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    private static Dictionary<int, object> Read(params byte[] bytes) =>
        new ThriftReader(new MemoryStream(bytes), bytes.Length).Read(Fields);
}
