using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Cli.Arguments;

/// <summary>A JSON object of options, {"attack-steps": 10, "epsilon": "8/255"}, as if they stood on the command line.</summary>
internal static class ConfigFile
{
    /// <summary>The file's options that the command line does not give, as arguments.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The verb's options: the keys that are valid.</param>
    /// <param name="given">Names of the options on the command line, which win.</param>
    /// <exception cref="UserErrorException">The file cannot be read, holds an unknown key or a value that is no option's.</exception>
    public static IEnumerable<string> Arguments(string path, IReadOnlyList<VerbOption> options, IReadOnlySet<string> given) =>
        Arguments(JsonFile.ReadObject(path), path, options, given);

    /// <summary>The same of an object that a file holds.</summary>
    /// <param name="where">What messages call it.</param>
    public static IEnumerable<string> Arguments(JsonObject file, string where, IReadOnlyList<VerbOption> options,
        IReadOnlySet<string> given)
    {
        string[] keys = [.. options.Select(option => option.Name).Where(name => name != "config")];
        foreach (var (written, value) in file)
        {
            // Files of earlier versions have settings under the names of then.
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

    /// <summary>A value as it would be written on the command line; null where the key is there but says nothing.</summary>
    private static string? Text(string path, string key, JsonNode? value) => value switch
    {
        null => null,
        JsonArray array => array.Count == 0 ? null : string.Join(',', array.Select(element => Text(path, key, element))),
        JsonObject => throw new UserErrorException($"{path}: {key} is an object: must be a single value"),
        _ => value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString(),
    };
}
