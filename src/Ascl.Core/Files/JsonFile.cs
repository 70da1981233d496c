using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>Reads and formats JSON files that users may write or read.</summary>
public static class JsonFile
{
    private static readonly JsonDocumentOptions Options = new()
    {
        AllowDuplicateProperties = false,
        CommentHandling = JsonCommentHandling.Skip,
    };

    /// <summary>Reads a file that holds one JSON object; comments are allowed, duplicate keys are not.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is not a JSON object.</exception>
    public static JsonObject ReadObject(string path)
    {
        FileProblem.RequireContent(path);
        try
        {
            return JsonNode.Parse(File.ReadAllText(path), documentOptions: Options) as JsonObject
                ?? throw new UserErrorException($"{path}: not a JSON object");
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{path}: not valid JSON: {e.Message}", e);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
    }

    /// <summary>Reads a record that this program wrote; null if there is no file.</summary>
    /// <param name="isWhole">Whether the record has every value that is always written.</param>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static T? ReadRecord<T>(string path, JsonTypeInfo<T> type, Func<T, bool> isWhole) where T : class
    {
        if (!File.Exists(path))
            return null;
        try
        {
            T? read = JsonSerializer.Deserialize(File.ReadAllText(path), type);
            return read is not null && isWhole(read) ? read : throw new JsonException("a value is missing");
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{path}: not what a run writes: {e.Message}", e);
        }
    }

    /// <summary><paramref name="value"/> as the text of a JSON file: indented, with a final newline.</summary>
    public static string Text<T>(T value, JsonTypeInfo<T> type) => Indented(writer => JsonSerializer.Serialize(writer, value, type));

    /// <summary>The same of a JSON value.</summary>
    public static string Text(JsonNode value) => Indented(writer => value.WriteTo(writer));

    private static string Indented(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
            write(writer);
        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    /// <summary>The error for a key that does not exist.</summary>
    /// <returns>"run.json: unknown key 'epoch': did you mean epochs?".</returns>
    public static UserErrorException UnknownKey(string path, string key, IEnumerable<string> valid) =>
        new($"{path}: unknown key '{key}'{(NearestName.Of(key, valid) is { } near ? $": did you mean {near}?" : "")}");
}
