namespace Ascl.Core.Settings;

/// <summary>
/// Declares the property as a setting: its name, help and range. Command-line options, help pages, checks and JSON keys derive from the
/// declaration. The property's initial value is the default.
/// </summary>
/// <param name="name">The name on the command line and in JSON, in kebab case.</param>
/// <param name="help">What the setting does.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string name, string help) : Attribute
{
    /// <summary>The name on the command line and in JSON, in kebab case.</summary>
    public string Name => name;

    /// <summary>What the setting does.</summary>
    public string Help => help;

    /// <summary>The placeholder for a value in help, such as N or FILE; by default derived from the type.</summary>
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

    /// <summary>Whether the default depends on other settings or on the data, so that help cannot show a value.</summary>
    public bool Follows { get; init; }

    /// <summary>Whether the setting does not affect results, such as an output folder or the number of threads.</summary>
    public bool Incidental { get; init; }

    /// <summary>Heading in help above this setting and those after it.</summary>
    public string? Section { get; init; }
}
