using System.Reflection;
using Ascl.Core.Settings;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>An option of a verb's class: its attribute and the property that carries it.</summary>
/// <param name="Setting">What it sets, where it derives from a declared setting.</param>
internal sealed record VerbOption(OptionAttribute Attribute, PropertyInfo Property, Setting? Setting)
{
    public string Name => Attribute.LongName;

    /// <summary>A switch takes no value: it is on where it is given.</summary>
    public bool IsSwitch => Property.PropertyType == typeof(bool);

    /// <summary>The type of its value.</summary>
    public Type ValueType => Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType;

    /// <summary>The verb's own options in the order they are declared, then its settings, then the options it inherits.</summary>
    public static IReadOnlyList<VerbOption> Of(Type verb)
    {
        List<VerbOption> options = [];
        IReadOnlyList<Setting> settings = SettingOptions.Of(verb);
        Add(verb);
        if (settings.Count > 0)
            Add(SettingOptions.Extend(verb));
        for (Type? type = verb.BaseType; type is not null; type = type.BaseType)
            Add(type);
        return options;

        void Add(Type type)
        {
            foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
                if (property.GetCustomAttribute<OptionAttribute>() is { } attribute)
                    options.Add(new(attribute, property, settings.FirstOrDefault(setting => setting.Name == attribute.LongName)));
        }
    }
}
