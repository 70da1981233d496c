using System.Text;
using System.Text.Json;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Element">Element type.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, from the end of the header.</param>
/// <param name="Bytes">Size in bytes.</param>
internal sealed record SafetensorsEntry(TensorDtype Element, int[] Shape, long Offset, long Bytes)
    : TensorEntry(Element, Element.ToString(), Shape);

/// <summary>
/// The JSON header of a safetensors file: name → {dtype, shape, data_offsets: [begin, end]}, and a map of strings under __metadata__.
/// Accepts what the reference implementation accepts (github.com/huggingface/safetensors): the tensors cover the data from the first to the
/// last byte, without gaps or overlap.
/// </summary>
internal sealed class SafetensorsHeader
{
    public const int LengthBytes = 8;
    public const int MaximumBytes = 100_000_000;
    public const string MetadataName = "__metadata__";
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    public Dictionary<string, string> Metadata { get; } = [];
    public Dictionary<string, SafetensorsEntry> Tensors { get; } = [];

    /// <summary>Parses and checks a header.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataBytes">Bytes that follow the header.</param>
    /// <exception cref="UserErrorException">The header is invalid; the message names file, tensor and problem.</exception>
    public static SafetensorsHeader Parse(string path, byte[] json, long dataBytes)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(Utf8.GetString(json), Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new UserErrorException($"{path}: the header is not a JSON object");
            var header = new SafetensorsHeader();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataName)
                    header.ReadMetadata(path, property.Value);
                else
                    header.Tensors.Add(property.Name, ReadEntry($"{path}: tensor '{property.Name}'", property.Value, dataBytes));
            }
            header.CheckCoverage(path, dataBytes);
            return header;
        }
        // InvalidOperationException: a string with an unpaired surrogate, which the parser accepts and only GetString rejects.
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            throw new UserErrorException($"{path}: the header is not valid JSON: {e.Message}", e);
        }
    }

    private void ReadMetadata(string path, JsonElement metadata)
    {
        if (metadata.ValueKind != JsonValueKind.Object)
            throw new UserErrorException($"{path}: {MetadataName} is not a JSON object");
        foreach (JsonProperty property in metadata.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
                throw new UserErrorException($"{path}: {MetadataName} '{property.Name}' is not a string");
            Metadata.Add(property.Name, property.Value.GetString()!);
        }
    }

    private static SafetensorsEntry ReadEntry(string where, JsonElement entry, long dataBytes)
    {
        if (entry.ValueKind != JsonValueKind.Object)
            throw new UserErrorException($"{where}: its entry is not a JSON object");
        TensorDtype dtype = ReadDtype(where, Member(where, entry, "dtype", JsonValueKind.String));
        int[] shape = ReadShape(where, Member(where, entry, "shape", JsonValueKind.Array));
        JsonElement offsets = Member(where, entry, "data_offsets", JsonValueKind.Array);
        if (offsets.GetArrayLength() != 2 || !TryInteger(offsets[0], out long begin) || !TryInteger(offsets[1], out long end))
            throw new UserErrorException($"{where}: data_offsets are not two integers");
        if (begin < 0 || end < begin || end > dataBytes)
            throw new UserErrorException(
                $"{where}: data_offsets [{begin}, {end}] lie outside the {dataBytes} bytes of "
                + $"data{(end > dataBytes ? ": is the file cut off?" : "")}");
        long bytes = SizeOf(where, dtype, shape);
        if (bytes != end - begin)
            throw new UserErrorException(
                $"{where}: {dtype} [{string.Join(", ", shape)}] takes {bytes} bytes, data_offsets [{begin}, {end}] give it {end - begin}");
        return new(dtype, shape, begin, bytes);
    }

    private static JsonElement Member(string where, JsonElement entry, string name, JsonValueKind kind) =>
        entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == kind
            ? value
            : throw new UserErrorException(
                $"{where}: '{name}' is missing or not {(kind == JsonValueKind.Array ? "an array" : "a string")}");

    private static TensorDtype ReadDtype(string where, JsonElement value) =>
        TensorDtypes.ByName.TryGetValue(value.GetString()!, out TensorDtype dtype)
            ? dtype
            : throw new UserErrorException(
                $"{where}: unknown dtype '{value.GetString()}' (valid: {string.Join(", ", TensorDtypes.ByName.Keys)})");

    private static int[] ReadShape(string where, JsonElement value)
    {
        int[] shape = new int[value.GetArrayLength()];
        for (int i = 0; i < shape.Length; i++)
        {
            if (!TryInteger(value[i], out long length) || length is < 0 or > int.MaxValue)
                throw new UserErrorException(
                    $"{where}: dimension {i} of its shape is {value[i].GetRawText()}, not a whole number of 0 to {int.MaxValue}");
            shape[i] = (int)length;
        }
        return shape;
    }

    private static bool TryInteger(JsonElement value, out long integer)
    {
        integer = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out integer);
    }

    private static long SizeOf(string where, TensorDtype dtype, int[] shape)
    {
        try
        {
            return shape.Aggregate((long)dtype.Size(), (bytes, length) => checked(bytes * length));
        }
        catch (OverflowException e)
        {
            throw new UserErrorException($"{where}: the size of {dtype} [{string.Join(", ", shape)}] overflows", e);
        }
    }

    private void CheckCoverage(string path, long dataBytes)
    {
        long covered = 0;
        foreach (var (name, entry) in Tensors.OrderBy(tensor => tensor.Value.Offset).ThenBy(tensor => tensor.Value.Bytes))
        {
            if (entry.Offset != covered)
                throw new UserErrorException(entry.Offset < covered
                    ? $"{path}: tensor '{name}' at {entry.Offset} overlaps the one before it, which ends at {covered}"
                    : $"{path}: {entry.Offset - covered} bytes before tensor '{name}' belong to no tensor");
            covered += entry.Bytes;
        }
        if (covered != dataBytes)
            throw new UserErrorException($"{path}: the {dataBytes - covered} bytes after the last tensor belong to no tensor");
    }
}
