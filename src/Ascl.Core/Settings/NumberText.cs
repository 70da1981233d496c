using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ascl.Core.Settings;

/// <summary>Formats numbers as is usual in the field.</summary>
public static class NumberText
{
    /// <summary>Formats a number exactly, as a fraction of 255 where it is one.</summary>
    /// <returns>0.03137254901960784 is 8/255.</returns>
    public static string Of(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        double levels = value * 255;
        bool isLevels = text.Length > 8 && Math.Abs(levels * 2 - Math.Round(levels * 2)) < 1e-9;
        return isLevels ? $"{(Math.Round(levels * 2) / 2).ToString(CultureInfo.InvariantCulture)}/255" : text;
    }

    /// <summary>Formats a number with up to four significant digits, or as a fraction of 255.</summary>
    /// <returns>Four digits at most, or levels of 255: 0.3875, 2/255.</returns>
    public static string Short(double value) =>
        Of(value) is { Length: <= 8 } text ? text : value.ToString("g4", CultureInfo.InvariantCulture);

    /// <summary>A setting's value in the form of the command line; empty for null.</summary>
    public static string Of(JsonNode? value) => value switch
    {
        null => "",
        JsonArray array => string.Join(',', array.Select(Of)),
        _ when value.GetValueKind() == JsonValueKind.Number =>
            value.AsValue().TryGetValue(out ulong whole) ? $"{whole}" : Of(value.GetValue<double>()),
        _ => value.ToString(),
    };
}
