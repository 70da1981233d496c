using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Ascl.Core.Files;
using Ascl.Testing;
using Google.Protobuf;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Damages an ONNX file: its bytes outside large weights, or the fields of its messages.</summary>
/// <param name="original">The undamaged file.</param>
/// <param name="path">A file with these bytes.</param>
internal sealed class Mutant(byte[] original, string path)
{
    /// <summary>Weights of more bytes than this are left alone: their values change no path.</summary>
    private const int Large = 64;

    private static readonly long[] Numbers =
    [
        0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 63, 64, 100, 1000, 1023, 1024, 10_000, 65_535, 65_536, 1 << 20, 1 << 24, 1 << 29, 1 << 30,
        int.MaxValue, 1L << 31, 1L << 32, (1L << 32) + 1, 1L << 40, long.MaxValue, long.MinValue, int.MinValue, -1, -2, -3, -4, -7, -9,
        -100, -65_536,
    ];

    private static readonly float[] Floats =
        [0, -0f, 1, -1, 0.5f, 1e-30f, 1e30f, -1e30f, 1e4f, float.NaN, float.PositiveInfinity, float.Epsilon];

    private readonly MutableField model = MutableField.Parsed(original, OnnxPart.Model);
    private readonly int[] positions = Positions(original, path);

    /// <summary>A copy of the file with one to four changes.</summary>
    public byte[] Changed(Random random) => random.Next(10) < 4 ? ChangedBytes(random) : ChangedFields(random);

    private byte[] ChangedBytes(Random random)
    {
        List<byte> bytes = [.. original];
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            int at = positions[random.Next(positions.Length)], length = random.Next(1, 1 << random.Next(1, 9));
            if (at >= bytes.Count)
                continue;
            length = Math.Min(length, bytes.Count - at);
            ByteMutation.Apply(bytes, random.Next(ByteMutation.Kinds), at, length, random,
                () => positions[random.Next(positions.Length)] % bytes.Count);
        }
        return [.. bytes];
    }

    private byte[] ChangedFields(Random random)
    {
        MutableField changed = model.Copy();
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            MutableField[] all = [.. changed.All()];
            MutableField field = Any(all, random);
            if (field.Fields is { Count: > 0 } fields)
                Rearrange(fields, all, random);
            else if (field.Part.Name == "text")
                field.Bytes = Any([.. all.Where(other => other.Part.Name == "text")], random).Bytes;
            else if (field.Type == WireFormat.WireType.LengthDelimited)
                ChangeBytes(field, random);
            else if (random.Next(12) == 0)
                (field.Number, field.Type) = (random.Next(1, 26), random.Next(4) == 0 ? WireFormat.WireType.Fixed64 : field.Type);
            else if (field.Type == WireFormat.WireType.Fixed32)
                field.Value = BitConverter.SingleToUInt32Bits(Floats[random.Next(Floats.Length)]);
            else
                field.Value = random.Next(3) == 0 ? field.Value + (ulong)random.Next(-2, 3) : (ulong)Numbers[random.Next(Numbers.Length)];
        }
        return changed.Written();
    }

    private static MutableField Any(MutableField[] fields, Random random) => fields[random.Next(fields.Length)];

    /// <summary>Removes, doubles or exchanges a field, or puts one of the same kind from elsewhere in its place.</summary>
    private static void Rearrange(List<MutableField> fields, MutableField[] all, Random random)
    {
        int at = random.Next(fields.Count), other = random.Next(fields.Count);
        switch (random.Next(5))
        {
            case 0:
                fields.RemoveAt(at);
                break;
            case 1:
                for (int copies = 1 << (random.Next(4) == 0 ? random.Next(7) : 0); copies > 0; copies--)
                    fields.Insert(other, fields[at].Copy());
                break;
            case 2:
                (fields[at], fields[other]) = (fields[other], fields[at]);
                break;
            case 3:
                (fields[at].Number, fields[other].Number) = (fields[other].Number, fields[at].Number);
                break;
            default:
                MutableField[] alike = [.. all.Where(field => field.Part == fields[at].Part && field.Number == fields[at].Number)];
                fields[at] = Any(alike, random).Copy();
                break;
        }
    }

    /// <summary>Another number in a small tensor, or noise.</summary>
    private static void ChangeBytes(MutableField field, Random random)
    {
        byte[] bytes = [.. field.Bytes];
        if (bytes.Length is 0 or > Large)
            return;
        if (bytes.Length % 8 == 0 && random.Next(4) != 0)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * random.Next(bytes.Length / 8)), Numbers[random.Next(Numbers.Length)]);
        else if (bytes.Length % 4 == 0 && random.Next(4) != 0)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * random.Next(bytes.Length / 4)), Floats[random.Next(Floats.Length)]);
        else
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        field.Bytes = bytes;
    }

    /// <summary>Positions of all bytes that are not of large weights.</summary>
    private static int[] Positions(byte[] file, string path)
    {
        bool[] isWeight = new bool[file.Length];
        ProtobufReader graph = ProtobufReader.Open(path).Messages(7).Last();
        IEnumerable<ProtobufReader> ofNodes = graph.Messages(1).SelectMany(node => node.Messages(5))
            .SelectMany(attribute => attribute.Messages(5));
        foreach (ProtobufReader tensor in graph.Messages(5).Concat(ofNodes))
            if (MemoryMarshal.TryGetArray(tensor.Bytes(9), out ArraySegment<byte> raw) && raw.Count > Large)
                isWeight.AsSpan(raw.Offset, raw.Count).Fill(true);
        return [.. Enumerable.Range(0, file.Length).Where(i => !isWeight[i])];
    }
}
