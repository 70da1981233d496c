using System.Collections.Concurrent;
using System.Reflection;
using System.Reflection.Emit;
using Ascl.Core.Settings;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>Adds an option to a verb for every setting that a type declares.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class OptionsForAttribute(Type settings) : Attribute
{
    public Type Settings => settings;

    /// <summary>Heading of these options in the help page; null if the settings declare their own headings.</summary>
    public string? Section { get; init; }
}

/// <summary>
/// Derives options from settings, so that no setting is declared twice. The parser finds options by reflecting over the properties of a
/// class; so at run time this creates a subclass of the verb with one property per setting.
/// </summary>
internal static class SettingOptions
{
    private static readonly ModuleBuilder Module =
        AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Ascl.Cli.SettingOptions"), AssemblyBuilderAccess.Run)
            .DefineDynamicModule("options");

    private static readonly ConcurrentDictionary<Type, Lazy<Type>> Extended = new();

    /// <summary>The settings that a verb takes; empty if it takes none.</summary>
    public static IReadOnlyList<Setting> Of(Type verb) => [.. Types(verb).SelectMany(SettingTree.Of).DistinctBy(setting => setting.Name)];

    /// <summary>The types that declare the settings of a verb.</summary>
    public static IReadOnlyList<Type> Types(Type verb) =>
        [.. verb.GetCustomAttributes<OptionsForAttribute>().Select(options => options.Settings)];

    /// <summary>The subclass of a verb that has its settings as options; the verb's own class if it takes no settings.</summary>
    public static Type Extend(Type verb) =>
        Of(verb).Count == 0 ? verb : Extended.GetOrAdd(verb, static verb => new(() => Make(verb))).Value;

    private static Type Make(Type verb)
    {
        TypeBuilder type = Module.DefineType($"{verb.Name}.WithSettings", TypeAttributes.Public | TypeAttributes.Class, verb);
        ConstructorInfo option = typeof(OptionAttribute).GetConstructor([typeof(string)])!;
        PropertyInfo help = typeof(OptionAttribute).GetProperty(nameof(OptionAttribute.HelpText))!,
            form = typeof(OptionAttribute).GetProperty(nameof(OptionAttribute.MetaValue))!;
        Dictionary<string, string?> headings = verb.GetCustomAttributes<OptionsForAttribute>()
            .ToDictionary(options => SettingTree.Of(options.Settings)[0].Name, options => options.Section);
        foreach (Setting setting in Of(verb))
        {
            PropertyBuilder property = Property(type, setting.Name, setting.IsSwitch ? typeof(bool) : OptionType(setting.ValueType));
            property.SetCustomAttribute(new CustomAttributeBuilder(option, [setting.Name], [help, form],
                [setting.Help, setting.IsSwitch ? "" : setting.Form]));
            if ((headings.GetValueOrDefault(setting.Name) ?? setting.Section) is { } section)
                property.SetCustomAttribute(new CustomAttributeBuilder(typeof(SectionAttribute).GetConstructor([typeof(string)])!,
                    [section]));
        }
        return type.CreateType();
    }

    /// <summary>Type of the option for a setting; all of these have null for an option that is not given.</summary>
    private static Type OptionType(Type value) => value == typeof(double) ? typeof(Fraction)
        : value == typeof(IReadOnlyList<int>) ? typeof(WholeNumbers)
        : value == typeof(IReadOnlyList<double>) ? typeof(Fractions)
        : value == typeof(IReadOnlyList<string>) ? typeof(Words)
        : value == typeof(string) || value.IsEnum ? typeof(string)
        : typeof(Nullable<>).MakeGenericType(value);

    private static PropertyBuilder Property(TypeBuilder owner, string name, Type type)
    {
        const MethodAttributes Accessor = MethodAttributes.Public | MethodAttributes.SpecialName | MethodAttributes.HideBySig;
        FieldBuilder field = owner.DefineField($"<{name}>", type, FieldAttributes.Private);
        MethodBuilder get = owner.DefineMethod($"get_{name}", Accessor, type, []),
            set = owner.DefineMethod($"set_{name}", Accessor, null, [type]);
        Emit(get.GetILGenerator(), OpCodes.Ldarg_0, OpCodes.Ldfld);
        Emit(set.GetILGenerator(), OpCodes.Ldarg_0, OpCodes.Ldarg_1, OpCodes.Stfld);
        PropertyBuilder property = owner.DefineProperty(name, PropertyAttributes.None, type, null);
        property.SetGetMethod(get);
        property.SetSetMethod(set);
        return property;

        void Emit(ILGenerator code, params OpCode[] instructions)
        {
            foreach (OpCode instruction in instructions[..^1])
                code.Emit(instruction);
            code.Emit(instructions[^1], field);
            code.Emit(OpCodes.Ret);
        }
    }
}
