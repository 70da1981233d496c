using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Settings;

/// <summary>A setting that a property declares with <see cref="SettingAttribute"/> or <see cref="SettingChoiceAttribute"/>.</summary>
public sealed class Setting
{
    private readonly SettingAttribute? attribute;
    private readonly SettingChoiceAttribute? choice;

    private Setting(PropertyInfo property, SettingAttribute? attribute, SettingChoiceAttribute? choice)
    {
        (Property, this.attribute, this.choice) = (property, attribute, choice);
        ValueType = choice is not null ? typeof(string) : Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Names = choice is not null ? [.. Alternatives.Select(alternative => alternative.Name)]
            : ValueType.IsEnum ? [.. Enum.GetNames(ValueType).Select(NameText.Kebab)]
            : [];
    }

    /// <summary>Name on the command line and in JSON, in kebab case.</summary>
    public string Name => attribute?.Name ?? choice!.Name;

    /// <summary>Help text.</summary>
    public string Help => attribute?.Help ?? choice!.Help;

    /// <summary>Heading above it in help; null if it continues a section.</summary>
    public string? Section => attribute is null ? choice!.Section : attribute.Section;

    /// <summary>Whether the default follows from other settings or from the data.</summary>
    public bool HasDerivedDefault => attribute?.HasDerivedDefault ?? false;

    /// <summary>Whether it does not affect results.</summary>
    public bool Incidental => attribute?.Incidental ?? false;

    /// <summary>Whether it is a flag on the command line, without a value.</summary>
    public bool IsSwitch => attribute?.IsSwitch ?? false;

    /// <summary>Its name in older files; null if it never had another.</summary>
    public string? FormerName => choice?.FormerName;

    /// <summary>The type of its values, without Nullable; string for a choice between objects.</summary>
    public Type ValueType { get; }

    /// <summary>The valid names of a choice; empty for other settings.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Placeholder for a value in help.</summary>
    public string Form => attribute?.Form
        ?? (ValueType == typeof(int) || ValueType == typeof(ulong) ? "N"
            : ValueType == typeof(double) ? "X"
            : ValueType == typeof(bool) ? "true|false"
            : "NAME");

    internal PropertyInfo Property { get; }

    /// <summary>The objects of a choice with their default settings; empty for other settings.</summary>
    internal IReadOnlyList<INamedSettings> Alternatives =>
        choice is null ? [] : (IReadOnlyList<INamedSettings>)choice.Catalog.GetProperty("All")!.GetValue(null)!;

    /// <summary>The setting that a property declares; null if it declares none.</summary>
    internal static Setting? Of(PropertyInfo property)
    {
        SettingAttribute? attribute = property.GetCustomAttribute<SettingAttribute>();
        SettingChoiceAttribute? choice = property.GetCustomAttribute<SettingChoiceAttribute>();
        return attribute is null && choice is null ? null : new(property, attribute, choice);
    }

    /// <summary>Reads the value from an object as JSON; null if it is not given.</summary>
    internal JsonNode? Read(object holder) => Node(holder) is { } value ? JsonNode.Parse(value.ToJsonString()) : null;

    /// <summary>A number in such a node can only be read as the type it was created from.</summary>
    private JsonNode? Node(object holder) => Property.GetValue(holder) switch
    {
        null => null,
        INamedSettings chosen => chosen.Name,
        Enum member => NameText.Kebab(member.ToString()),
        bool isOn => isOn,
        int number => number,
        ulong number => number,
        double number => number,
        IEnumerable<int> numbers => new JsonArray([.. numbers.Select(number => JsonValue.Create(number))]),
        IEnumerable<double> numbers => new JsonArray([.. numbers.Select(number => JsonValue.Create(number))]),
        IEnumerable<string> texts when ValueType != typeof(string) => new JsonArray([.. texts.Select(text => JsonValue.Create(text))]),
        var text => text.ToString(),
    };

    /// <summary>Writes a JSON value to an object.</summary>
    /// <exception cref="UserErrorException">The value has the wrong type or is no valid name.</exception>
    internal void Write(object holder, JsonNode value, string where)
    {
        try
        {
            Property.SetMethod!.Invoke(holder, BindingFlags.DoNotWrapExceptions, null, [Value(value)], null);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or JsonException or OverflowException)
        {
            throw new UserErrorException($"{where}: {Name} is {value.ToJsonString()}: not a value of the right type", e);
        }
    }

    /// <summary>The object that a choice's value names.</summary>
    /// <exception cref="UserErrorException">There is no object of that name.</exception>
    internal INamedSettings Chosen(JsonNode value, string where)
    {
        string name = value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : throw new UserErrorException($"{where}: {Name} is {value.ToJsonString()}: not a value of the right type");
        return Alternatives.FirstOrDefault(alternative => alternative.Name == name) ?? throw NearestName.Unknown(Name, name, Names);
    }

    /// <summary>Checks the value in an object.</summary>
    /// <param name="holder">The object.</param>
    /// <param name="where">Source of the value, for messages; null if it was set in code.</param>
    /// <exception cref="UserErrorException">It is out of range.</exception>
    internal void Check(object holder, string? where)
    {
        object? value = Property.GetValue(holder);
        if (value is Enum member && !Enum.IsDefined(ValueType, member))
            throw new UserErrorException($"{Place(holder, where)} is {value}: must be one of {string.Join(", ", Names)}");
        if (value is int or double && !IsInRange(Convert.ToDouble(value, CultureInfo.InvariantCulture)))
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{Place(holder, where)} is {value}: {Rule}"));
    }

    /// <summary>The setting in messages: its name in a file or on the command line, or the property if set in code.</summary>
    private string Place(object holder, string? where) => where is null ? $"{holder.GetType().Name}.{Property.Name}" : $"{where}: {Name}";

    private object Value(JsonNode node)
    {
        // A number in a node created from an int cannot be read as a double, but a parsed one can.
        JsonNode value = JsonNode.Parse(node.ToJsonString())!;
        return ValueType.IsEnum ? NameText.Parse(ValueType, Name, value.GetValue<string>())
            : ValueType == typeof(bool) ? value.GetValue<bool>()
            : ValueType == typeof(int) ? value.GetValue<int>()
            : ValueType == typeof(ulong) ? value.GetValue<ulong>()
            : ValueType == typeof(double) ? value.GetValue<double>()
            : ValueType == typeof(string) ? value.GetValue<string>()
            : ValueType == typeof(IReadOnlyList<int>) ? value.AsArray().Select(number => number!.GetValue<int>()).ToArray()
            : ValueType == typeof(IReadOnlyList<double>) ? value.AsArray().Select(number => number!.GetValue<double>()).ToArray()
            : ValueType == typeof(IReadOnlyList<string>) ? value.AsArray().Select(text => text!.GetValue<string>()).ToArray()
            : throw new NotSupportedException($"{Property.DeclaringType!.Name}.{Property.Name}: settings are not of the type "
                + $"{ValueType.Name}");
    }

    /// <summary>Computation is in single precision: values that overflow or underflow there are out of range.</summary>
    private bool IsInRange(double value) => float.IsFinite((float)value)
        && !(value < attribute!.Min) && !(value > attribute.Max) && !((float)value <= attribute.Above) && !(value >= attribute.Below);

    private string Rule
    {
        get
        {
            SettingAttribute range = attribute!;
            if (range is { Min: 0, Max: double.NaN, Below: double.NaN })
                return "must not be negative";
            if (!double.IsNaN(range.Min) && !double.IsNaN(range.Max))
                return string.Create(CultureInfo.InvariantCulture, $"must be from {range.Min} to {range.Max}");
            string[] bounds =
            [
                .. Bound("at least", range.Min), .. Bound("more than", range.Above), .. Bound("at most", range.Max),
                .. Bound("less than", range.Below),
            ];
            string precision = range.Above == 0 && bounds.Length == 1 ? ", also in single precision" : "";
            return bounds.Length == 0 ? "must be a finite number" : $"must be {string.Join(" and ", bounds)}{precision}";

            static string[] Bound(string relation, double limit) =>
                double.IsNaN(limit) ? [] : [string.Create(CultureInfo.InvariantCulture, $"{relation} {limit}")];
        }
    }
}
