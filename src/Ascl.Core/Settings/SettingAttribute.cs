using Ascl.Core.Diagnostics;

namespace Ascl.Core.Settings;

/// <summary>
/// Declares a setting on the property that holds it: name, help and range. Command-line options, help pages, checks and JSON keys derive
/// from it; the property's initial value is the default. Its type is bool, int, ulong, double, string, an enum (a choice of the members'
/// names in kebab case), a list of int, double or string, or one of these as nullable, where null means not given.
/// </summary>
/// <param name="name">Name on the command line and in JSON, in kebab case.</param>
/// <param name="help">Help text.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string name, string help) : Attribute
{
    /// <summary>Name on the command line and in JSON.</summary>
    public string Name => name;

    /// <summary>Help text.</summary>
    public string Help => help;

    /// <summary>Placeholder for a value in help, such as N or FILE; by default derived from the type.</summary>
    public string? Form { get; init; }

    /// <summary>Smallest value.</summary>
    public double Min { get; init; } = double.NaN;

    /// <summary>Largest value.</summary>
    public double Max { get; init; } = double.NaN;

    /// <summary>Values are greater than this.</summary>
    public double Above { get; init; } = double.NaN;

    /// <summary>Values are less than this.</summary>
    public double Below { get; init; } = double.NaN;

    /// <summary>Whether the default is derived from other settings or the data, so that help cannot show a value.</summary>
    public bool HasDerivedDefault { get; init; }

    /// <summary>Whether it does not affect results, such as output folders or the number of threads.</summary>
    public bool Incidental { get; init; }

    /// <summary>Whether it is a flag on the command line, without a value.</summary>
    public bool IsSwitch { get; init; }

    /// <summary>Heading above it in help.</summary>
    public string? Section { get; init; }
}

/// <summary>Marks a property that holds a record whose settings count as those of the declaring record.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingGroupAttribute : Attribute;

/// <summary>
/// Declares a choice between objects: the property holds one of a list, identified by <see cref="INamedSettings.Name"/>. Objects may have
/// settings of their own, which count only while they are chosen.
/// </summary>
/// <param name="name">Name on the command line and in JSON, in kebab case.</param>
/// <param name="help">Help text.</param>
/// <param name="catalog">A type with a static property <c>All</c>, the list to choose from, each with its default settings.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingChoiceAttribute(string name, string help, Type catalog) : Attribute
{
    /// <summary>Name on the command line and in JSON.</summary>
    public string Name => name;

    /// <summary>Help text.</summary>
    public string Help => help;

    /// <summary>The type that lists the objects to choose from.</summary>
    public Type Catalog => catalog;

    /// <summary>Name of the setting in older files, which can still be read; null if it never had another.</summary>
    public string? FormerName { get; init; }

    /// <summary>Heading above it in help.</summary>
    public string? Section { get; init; }
}

/// <summary>An object that can be chosen by name (<see cref="SettingChoiceAttribute"/>).</summary>
public interface INamedSettings
{
    /// <summary>Name on the command line and in JSON.</summary>
    string Name { get; }
}

/// <summary>Settings with rules beyond the range of each.</summary>
public interface ICheckedSettings
{
    /// <summary>The rules that the values violate; empty if none.</summary>
    IEnumerable<SettingProblem> Problems();
}

/// <summary>A rule that a setting violates.</summary>
/// <param name="Name">Name of the setting.</param>
/// <param name="Value">Its value.</param>
/// <param name="Rule">The rule, such as "must be less than the 10 epochs".</param>
public readonly record struct SettingProblem(string Name, object? Value, string Rule)
{
    /// <summary>The error that reports it.</summary>
    /// <param name="where">Source of the value.</param>
    public UserErrorException Error(string where) => new($"{where}: {Name} is {Value}: {Rule}");
}
