using Ascl.Core.Diagnostics;

namespace Ascl.Core.Settings;

/// <summary>
/// Declares a setting on the property that holds it: name, help and range. Command-line options, help pages, checks and JSON keys derive from it; the
/// property's initial value is the default. Its type is bool, int, ulong, double, string, an enum (a choice of the members' names in kebab case), a list of int,
/// double or string, or one of these as nullable: null where it is not given.
/// </summary>
/// <param name="name">As on the command line and in JSON, in kebab case.</param>
/// <param name="help">What it does.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string name, string help) : Attribute
{
    /// <summary>As on the command line and in JSON.</summary>
    public string Name => name;

    /// <summary>What it does.</summary>
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

    /// <summary>Whether the default follows from other settings or from the data, so that help cannot show it as a value.</summary>
    public bool Follows { get; init; }

    /// <summary>Whether it leaves what is computed unchanged: where files go, how many threads compute.</summary>
    public bool Incidental { get; init; }

    /// <summary>Whether it is on where its name stands on the command line, without a value.</summary>
    public bool IsSwitch { get; init; }

    /// <summary>Heading in help above it and the settings after it.</summary>
    public string? Section { get; init; }
}

/// <summary>Marks a property that holds a record with settings of its own, which count as settings of the record that declares the property.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingGroupAttribute : Attribute;

/// <summary>
/// Declares a choice between objects: the property holds one of a list, each known by its <see cref="INamedSettings.Name"/> and perhaps with settings of its own,
/// which count only while it is chosen.
/// </summary>
/// <param name="name">As on the command line and in JSON, in kebab case.</param>
/// <param name="help">What is chosen.</param>
/// <param name="catalog">A type with a static property <c>All</c>, the list to choose from, each with its default settings.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingChoiceAttribute(string name, string help, Type catalog) : Attribute
{
    /// <summary>As on the command line and in JSON.</summary>
    public string Name => name;

    /// <summary>What is chosen.</summary>
    public string Help => help;

    /// <summary>The type that lists the objects to choose from.</summary>
    public Type Catalog => catalog;

    /// <summary>What the setting was called in files of earlier versions, which are still read; null where it always had its name.</summary>
    public string? FormerName { get; init; }

    /// <summary>Heading in help above it and the settings after it.</summary>
    public string? Section { get; init; }
}

/// <summary>An object that can be chosen by name (<see cref="SettingChoiceAttribute"/>).</summary>
public interface INamedSettings
{
    /// <summary>As on the command line and in JSON.</summary>
    string Name { get; }
}

/// <summary>Settings with rules beyond the range of each one.</summary>
public interface ICheckedSettings
{
    /// <summary>The rules that the values break; none where all hold.</summary>
    IEnumerable<SettingProblem> Problems();
}

/// <summary>A rule that a setting's value breaks.</summary>
/// <param name="Name">Of the setting.</param>
/// <param name="Value">That it has.</param>
/// <param name="Rule">As in "must be less than the 10 epochs".</param>
public readonly record struct SettingProblem(string Name, object? Value, string Rule)
{
    /// <summary>The error that reports it.</summary>
    /// <param name="where">Where the value comes from.</param>
    public UserErrorException Error(string where) => new($"{where}: {Name} is {Value}: {Rule}");
}
