using System.Reflection;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>An option of a verb's class: its attribute and the property that carries it.</summary>
internal sealed record VerbOption(OptionAttribute Attribute, PropertyInfo Property)
{
    public string Name => Attribute.LongName;

    /// <summary>A switch takes no value: it is on where it is given.</summary>
    public bool IsSwitch => Property.PropertyType == typeof(bool);

    /// <summary>The type of its value.</summary>
    public Type ValueType => Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType;

    /// <summary>The verb's own options in the order they are declared, then those it inherits.</summary>
    public static IReadOnlyList<VerbOption> Of(Type verb)
    {
        List<VerbOption> options = [];
        for (Type? type = verb; type is not null; type = type.BaseType)
        {
            foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
                if (property.GetCustomAttribute<OptionAttribute>() is { } attribute)
                    options.Add(new(attribute, property));
        }
        return options;
    }
}
