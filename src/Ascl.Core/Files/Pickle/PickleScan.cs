using System.Buffers.Binary;
using System.Text;

namespace Ascl.Core.Files.Pickle;

/// <summary>
/// Reads through a pickle without building anything: where it ends, which classes and functions it names, and that its lengths lie within
/// the data. The opcodes are those of protocols 0 to 5 (CPython's pickletools).
/// </summary>
internal sealed class PickleScan
{
    /// <summary>Bounds the objects that a pickle can make: far more than the largest state dicts have.</summary>
    private const int MostOpcodes = 4_000_000;

    /// <summary>Bounds numbers, whose conversion takes time that grows with the square of their length.</summary>
    private const int MostDigits = 1000;

    /// <summary>Opcodes by the form of their argument.</summary>
    private const string
        NoArgument = "(.012NQRadebl)ost}]u\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98",
        OneByte = "Kh\x80\x82q", TwoBytes = "M\x83", FourBytes = "Jjr\x84", EightBytes = "G\x95",
        Length1 = "UC\x8a\x8c", Length4 = "TXB\x8b", Length8 = "\x8d\x8e\x96",
        OneLine = "ILFSVPgp", TwoLines = "ci",
        Texts = "UTX\x8c\x8d", Numbers = "LI\x8a\x8b", Puts = "qrp", Gets = "hjg";

    private readonly byte[] data;
    private readonly HashSet<(string Module, string Name)> globals = [];
    private readonly Dictionary<long, string?> memo = [];
    private int at;
    private string? last, beforeLast;

    private PickleScan(byte[] data, int start) => (this.data, at) = (data, start);

    /// <summary>Scans the pickle that begins at an offset.</summary>
    /// <returns>The offset after its end, and the classes and functions that it names.</returns>
    /// <exception cref="InvalidDataException">It is damaged, or larger than any of its kind.</exception>
    /// <exception cref="EndOfStreamException">The data end before it does.</exception>
    public static (int End, IReadOnlyCollection<(string Module, string Name)> Globals) Of(byte[] data, int start)
    {
        PickleScan scan = new(data, start);
        for (int count = 0; scan.Step() != '.';)
        {
            if (++count > MostOpcodes)
                throw new InvalidDataException($"a pickle of more than {MostOpcodes} steps");
        }
        return (scan.at, scan.globals);
    }

    private char Step()
    {
        char code = (char)Bytes(1)[0];
        ReadOnlySpan<byte> argument =
            NoArgument.Contains(code) ? []
            : OneByte.Contains(code) ? Bytes(1)
            : TwoBytes.Contains(code) ? Bytes(2)
            : FourBytes.Contains(code) ? Bytes(4)
            : EightBytes.Contains(code) ? Bytes(8)
            : Length1.Contains(code) ? Bytes(Bytes(1)[0])
            : Length4.Contains(code) ? Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))
            : Length8.Contains(code) ? Bytes(BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8)))
            : OneLine.Contains(code) || TwoLines.Contains(code) ? Line()
            : throw new InvalidDataException($"no pickle has the opcode {(int)code:x2}");
        if (Numbers.Contains(code) && argument.Length > MostDigits)
            throw new InvalidDataException($"a number of {argument.Length} digits");
        if (TwoLines.Contains(code))
            globals.Add((Text(argument), Text(Line())));
        else if (code == '\x93')
            globals.Add((beforeLast ?? throw Unnamed(), last ?? throw Unnamed()));
        Remember(code, argument);
        return code;
    }

    /// <summary>Keeps the texts that a STACK_GLOBAL may take as module and name.</summary>
    private void Remember(char code, ReadOnlySpan<byte> argument)
    {
        if (code == '\x94')
            memo[memo.Count] = last;
        else if (Puts.Contains(code))
            memo[Index(code, argument)] = last;
        else if (code != '\x95')
        {
            (beforeLast, last) = (last, Texts.Contains(code) ? Text(argument)
                : Gets.Contains(code) ? memo.GetValueOrDefault(Index(code, argument)) : null);
        }
    }

    private static long Index(char code, ReadOnlySpan<byte> argument) => code switch
    {
        'h' or 'q' => argument[0],
        'j' or 'r' => BinaryPrimitives.ReadUInt32LittleEndian(argument),
        _ => long.TryParse(argument, out long index) ? index : throw new InvalidDataException("an index that is no number"),
    };

    private static InvalidDataException Unnamed() => new("a class without a name");

    // Names are short; texts that hold data are not made strings here.
    private static string Text(ReadOnlySpan<byte> bytes) => bytes.Length > MostDigits ? "" : Encoding.UTF8.GetString(bytes);

    private ReadOnlySpan<byte> Line()
    {
        int length = data.AsSpan(at).IndexOf((byte)'\n');
        if (length < 0)
            throw new EndOfStreamException();
        ReadOnlySpan<byte> line = Bytes((ulong)length);
        at++;
        return line;
    }

    private ReadOnlySpan<byte> Bytes(ulong count)
    {
        if (count > (ulong)(data.Length - at))
            throw new EndOfStreamException();
        at += (int)count;
        return data.AsSpan(at - (int)count, (int)count);
    }
}
