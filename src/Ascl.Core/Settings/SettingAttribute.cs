namespace Ascl.Core.Settings;

/// <summary>
/// Declares a setting on the property that holds it: name, help and range. Command-line options, help pages, checks and JSON keys derive from it; the
/// property's initial value is the default.
/// </summary>
/// <param name="name">As on the command line and in JSON, in kebab case.</param>
/// <param name="help">What it does.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string name, string help) : Attribute
{
    public string Name => name;
    public string Help => help;

    /// <summary>What a value looks like in help, such as N or FILE; by default it follows from the type.</summary>
    public string? Form { get; init; }

    /// <summary>Smallest value.</summary>
    public double Min { get; init; } = double.NaN;

    /// <summary>Largest value.</summary>
    public double Max { get; init; } = double.NaN;

    /// <summary>Values are greater than this.</summary>
    public double Above { get; init; } = double.NaN;

    /// <summary>Values are less than this.</summary>
    public double Below { get; init; } = double.NaN;

    /// <summary>Name of a static property of the declaring type that lists the valid names of a choice.</summary>
    public string? OneOf { get; init; }

    /// <summary>Whether the default follows from other settings or from the data, so that help cannot show it as a value.</summary>
    public bool Follows { get; init; }

    /// <summary>Whether it leaves what is computed unchanged: where files go, how many threads compute.</summary>
    public bool Incidental { get; init; }

    /// <summary>Heading in help above it and the settings after it.</summary>
    public string? Section { get; init; }
}
