using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files.Numpy;

/// <summary>
/// The header of an .npy file (numpy.org/doc/stable/reference/generated/numpy.lib.format.html): the magic string, two bytes of version,
/// the text's length (two bytes in version 1, four later), and the text of a Python dictionary of descr, fortran_order and shape.
/// </summary>
internal static partial class NumpyHeader
{
    private const int MostText = 1 << 16, MostDimensions = 32;

    /// <summary>Reads a header.</summary>
    /// <param name="where">The array in messages.</param>
    /// <param name="stream">The file from its first byte on; left at the first element.</param>
    /// <param name="length">Length of the file.</param>
    /// <exception cref="UserErrorException">It is no header of an .npy file, or the file is not as long as the header says.</exception>
    /// <exception cref="EndOfStreamException">The file ends before the header does.</exception>
    public static NumpyEntry Read(string where, Stream stream, long length)
    {
        byte[] start = new byte[8];
        stream.ReadExactly(start);
        if (start[0] != 0x93 || !start.AsSpan(1, 5).SequenceEqual("NUMPY"u8) || start[6] is < 1 or > 3)
            throw new UserErrorException($"{where}: is not a NumPy array (.npy) of version 1 to 3");
        byte[] size = new byte[start[6] == 1 ? 2 : 4];
        stream.ReadExactly(size);
        uint bytes = size.Length == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(size) : BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (bytes > MostText)
            throw new UserErrorException($"{where}: is damaged: its header claims {bytes} bytes");
        byte[] text = new byte[bytes];
        stream.ReadExactly(text);
        NumpyEntry entry = Parse(where, Encoding.UTF8.GetString(text), start.Length + size.Length + (int)bytes);
        CheckLength(where, entry, length);
        return entry;
    }

    private static NumpyEntry Parse(string where, string text, int start)
    {
        Match type = TypePattern().Match(text), order = OrderPattern().Match(text), shape = ShapePattern().Match(text);
        if (!text.StartsWith('{') || !order.Success || !shape.Success || !text.Contains("'descr'", StringComparison.Ordinal))
            throw new UserErrorException($"{where}: is damaged: its header is not that of a NumPy array");
        int[] sizes =
        [
            .. shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(size => int.TryParse(size.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value
                    : throw new UserErrorException($"{where}: has a dimension of {size}: at most {int.MaxValue} is read")),
        ];
        if (sizes.Length > MostDimensions)
            throw new UserErrorException($"{where}: is damaged: an array of {sizes.Length} dimensions");
        string name = type.Success ? type.Groups[1].Value : "a structure";
        return new(TensorDtypes.OfNumpy(name), name is "|O" or "O" ? "Python objects" : name, sizes, order.Groups[1].Value == "True",
            name.StartsWith('>'), start);
    }

    private static void CheckLength(string where, NumpyEntry entry, long length)
    {
        if (entry.Dtype is not { } dtype)
            return;
        long needed;
        try
        {
            needed = checked(entry.Start + TensorFile.Elements(entry.Shape) * dtype.Size());
        }
        catch (OverflowException e)
        {
            throw new UserErrorException($"{where}: is damaged: the size of [{string.Join(", ", entry.Shape)}] overflows", e);
        }
        if (needed != length)
        {
            throw new UserErrorException(needed > length
                ? $"{where}: is cut off: {length} bytes of the {needed} that {entry.Type} [{string.Join(", ", entry.Shape)}] takes"
                : $"{where}: is damaged: {length - needed} bytes follow its last element");
        }
    }

    [GeneratedRegex("'descr'\\s*:\\s*['\"]([^'\"]*)['\"]")]
    private static partial Regex TypePattern();

    [GeneratedRegex("'fortran_order'\\s*:\\s*(True|False)")]
    private static partial Regex OrderPattern();

    [GeneratedRegex("'shape'\\s*:\\s*\\(([0-9L, ]*)\\)")]
    private static partial Regex ShapePattern();
}
