using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Ascl.Kernels.Tests.Contrastive;

/// <summary>The F64 and I64 tensors of a safetensors file of golden values.</summary>
internal sealed class GoldenFile
{
    private readonly byte[] bytes;
    private readonly JsonElement header;
    private readonly int dataBegin;

    public GoldenFile(string name)
    {
        bytes = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "fixtures", name + ".safetensors"));
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        dataBegin = 8 + length;
        header = JsonDocument.Parse(bytes.AsMemory(8, length)).RootElement;
    }

    public IEnumerable<string> Names => header.EnumerateObject().Select(entry => entry.Name);

    public int[] Shape(string name) => [.. header.GetProperty(name).GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];

    public double[] Doubles(string name) => Values<double>(name, "F64");

    public float[] Floats(string name) => [.. Doubles(name).Select(value => (float)value)];

    public int[] Integers(string name) => [.. Values<long>(name, "I64").Select(value => checked((int)value))];

    private T[] Values<T>(string name, string type) where T : unmanaged
    {
        JsonElement entry = header.GetProperty(name);
        Assert.Equal(type, entry.GetProperty("dtype").GetString());
        JsonElement offsets = entry.GetProperty("data_offsets");
        return MemoryMarshal.Cast<byte, T>(bytes.AsSpan((dataBegin + offsets[0].GetInt32())..(dataBegin + offsets[1].GetInt32()))).ToArray();
    }
}
