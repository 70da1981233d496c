using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Cli.Arguments;

/// <summary>Options in a JSON object, such as {"attack-steps": 10, "epsilon": "8/255"}, as command-line arguments.</summary>
internal static class ConfigFile
{
    /// <summary>The options of a file as arguments, without those that the command line overrides.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The verb's options; their names are the valid keys.</param>
    /// <param name="given">Names of the options on the command line.</param>
    /// <exception cref="UserErrorException">The file cannot be read, or has an unknown key or an invalid value.</exception>
    public static IEnumerable<string> Arguments(string path, IReadOnlyList<VerbOption> options, IReadOnlySet<string> given) =>
        Arguments(JsonFile.ReadObject(path), path, options, given);

    /// <summary>Likewise for an object inside a file.</summary>
    /// <param name="where">Name of the object in messages.</param>
    public static IEnumerable<string> Arguments(JsonObject file, string where, IReadOnlyList<VerbOption> options,
        IReadOnlySet<string> given)
    {
        string[] keys = [.. options.Select(option => option.Name).Where(name => name != "config")];
        foreach (var (written, value) in file)
        {
            // Earlier versions of ascl wrote some settings under other names.
            string key = options.FirstOrDefault(option => option.Setting?.FormerName == written)?.Name ?? written;
            if (!keys.Contains(key))
                throw JsonFile.UnknownKey(where, key, keys);
            if (given.Contains(key) || Text(where, key, value) is not { } text)
                continue;
            if (!options.First(option => option.Name == key).IsSwitch)
                yield return $"--{key}={text}";
            else if (text == "true")
                yield return $"--{key}";
            else if (text != "false")
                throw new UserErrorException($"{where}: {key} is {text}: must be true or false");
        }
    }

    /// <summary>A value as it would be written on the command line; null for JSON null and for an empty list.</summary>
    private static string? Text(string path, string key, JsonNode? value) => value switch
    {
        null => null,
        JsonArray array => array.Count == 0 ? null : string.Join(',', array.Select(element => Text(path, key, element))),
        JsonObject => throw new UserErrorException($"{path}: {key} is an object: must be a single value"),
        _ => value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString(),
    };
}
