using System.Reflection;
using Ascl.Core.Settings;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>An option of a verb: its attribute and the property that declares it.</summary>
/// <param name="Setting">The setting that the option derives from; null if the verb declares the option itself.</param>
internal sealed record VerbOption(OptionAttribute Attribute, PropertyInfo Property, Setting? Setting)
{
    public string Name => Attribute.LongName;

    /// <summary>Whether the option is a switch, which takes no value.</summary>
    public bool IsSwitch => Property.PropertyType == typeof(bool);

    /// <summary>Type of the value.</summary>
    public Type ValueType => Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType;

    /// <summary>Options of a verb: those it declares, in order, then its settings, then inherited ones.</summary>
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
