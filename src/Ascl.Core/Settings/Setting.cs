using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Settings;

/// <summary>A setting that a type declares by <see cref="SettingAttribute"/>.</summary>
public sealed class Setting
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<Setting>> Known = new();

    private readonly SettingAttribute attribute;
    private readonly PropertyInfo property;

    private Setting(SettingAttribute attribute, PropertyInfo property)
    {
        (this.attribute, this.property) = (attribute, property);
        ValueType = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Names = attribute.OneOf is null ? [] : (IReadOnlyList<string>)property.DeclaringType!.GetProperty(attribute.OneOf)!.GetValue(null)!;
    }

    /// <inheritdoc cref="SettingAttribute.Name"/>
    public string Name => attribute.Name;

    /// <inheritdoc cref="SettingAttribute.Help"/>
    public string Help => attribute.Help;

    /// <inheritdoc cref="SettingAttribute.Section"/>
    public string? Section => attribute.Section;

    /// <inheritdoc cref="SettingAttribute.Follows"/>
    public bool Follows => attribute.Follows;

    /// <inheritdoc cref="SettingAttribute.Incidental"/>
    public bool Incidental => attribute.Incidental;

    /// <summary>The type of the values; of a nullable property, the underlying type.</summary>
    public Type ValueType { get; }

    /// <summary>The valid names of a choice; empty for other settings.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The placeholder for a value in help, such as N or FILE.</summary>
    public string Form => attribute.Form
        ?? (ValueType == typeof(int) || ValueType == typeof(ulong)
            ? "N"
            : ValueType == typeof(double)
            ? "X"
            : ValueType == typeof(bool)
            ? "true|false"
            : "NAME");

    /// <summary>The settings that a type declares, in order of declaration.</summary>
    public static IReadOnlyList<Setting> Of(Type type) => Known.GetOrAdd(type, static type =>
        [.. type.GetProperties().Select(property => (Property: property, Attribute: property.GetCustomAttribute<SettingAttribute>()))
            .Where(declared => declared.Attribute is not null).Select(declared => new Setting(declared.Attribute!, declared.Property))]);

    /// <summary>Checks the value of this setting.</summary>
    /// <param name="owner">The object that holds the value.</param>
    /// <param name="where">Where the value comes from, for messages.</param>
    /// <exception cref="UserErrorException">The value is out of range, or not a valid name.</exception>
    public void Check(object owner, string where)
    {
        object? value = property.GetValue(owner);
        if (Names.Count > 0 && value is string name && !Names.Contains(name))
            throw NearestName.Unknown(Name, name, Names);
        if (value is int or double && !IsInRange(Convert.ToDouble(value, CultureInfo.InvariantCulture)))
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{where}: {Name} is {value}: {Rule}"));
    }

    /// <summary>The engine computes in single precision, so values that overflow or underflow there are out of range.</summary>
    private bool IsInRange(double value) =>
        float.IsFinite((float)value) && !(value < attribute.Min) && !(value > attribute.Max) && !((float)value <= attribute.Above)
            && !(value >= attribute.Below);

    private string Rule
    {
        get
        {
            if (attribute is { Min: 0, Max: double.NaN, Below: double.NaN })
                return "must not be negative";
            if (!double.IsNaN(attribute.Min) && !double.IsNaN(attribute.Max))
                return string.Create(CultureInfo.InvariantCulture, $"must be from {attribute.Min} to {attribute.Max}");
            string[] bounds =
            [
                .. Bound("at least", attribute.Min), .. Bound("more than", attribute.Above), .. Bound("at most", attribute.Max),
                .. Bound("less than", attribute.Below),
            ];
            string precision = attribute.Above == 0 && bounds.Length == 1 ? ", also in single precision" : "";
            return bounds.Length == 0 ? "must be a finite number" : $"must be {string.Join(" and ", bounds)}{precision}";

            static string[] Bound(string relation, double limit) =>
                double.IsNaN(limit) ? [] : [string.Create(CultureInfo.InvariantCulture, $"{relation} {limit}")];
        }
    }
}
