using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>Options that every verb has. A verb declares its own options as properties; their initial values are the defaults. Further
/// options derive from the settings that <see cref="OptionsForAttribute"/> names.</summary>
public abstract class VerbArguments
{
    [Option("config", MetaValue = "FILE.json",
        HelpText = "Read options from a JSON file, such as {\"epochs\": 5}. Options on the command line override it.")]
    public string? Config { get; init; }

    /// <summary>Arguments that no option or positional argument takes: an error.</summary>
    [Value(int.MaxValue, Hidden = true)]
    public IEnumerable<string> Extra { get; init; } = [];

    /// <summary>The settings that were given explicitly, by name.</summary>
    /// <param name="type">The type that declares the settings.</param>
    public JsonObject Given(Type type)
    {
        HashSet<string> names = [.. SettingTree.Of(type).Select(setting => setting.Name)];
        JsonObject given = [];
        foreach (VerbOption option in VerbOption.Of(DeclaredType)
            .Where(option => option.Setting is not null && names.Contains(option.Name)))
        {
            if (ValueOf(option) is { } value)
                given[option.Name] = value;
        }
        return given;
    }

    /// <summary>The verb and the value of each of its options, to be compared between processes.</summary>
    /// <param name="except">Options that are left out.</param>
    internal IReadOnlyList<(string Name, string Value)> Facts(string[] except) =>
    [
        ("command", DeclaredType.GetCustomAttribute<VerbAttribute>()!.Name),
        .. VerbOption.Of(DeclaredType).Where(option => !except.Contains(option.Name))
            .Select(option => ($"--{option.Name}", ValueOf(option)?.ToJsonString() ?? "its default")),
    ];

    /// <summary>Settings with the given values.</summary>
    /// <param name="defaults">Values of settings that were not given.</param>
    /// <param name="verb">Name of the verb, for messages.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">A value is unknown or out of range.</exception>
    public T Settings<T>(T defaults, string verb) where T : class => SettingTree.Read(defaults, Given(typeof(T)), verb);

    /// <summary>An option's default for the help page; null if it has none.</summary>
    public string? DefaultOf(string option)
    {
        VerbOption found = VerbOption.Of(DeclaredType).First(o => o.Name == option);
        if (found.Setting is { } setting)
            return setting.HasDerivedDefault || setting.IsSwitch
                ? null
                : DefaultText(SettingOptions.Types(DeclaredType).Select(type => SettingTree.Defaults(type)[option])
                    .FirstOrDefault(value => value is not null));
        return found.Property.GetValue(this) switch
        {
            null or false or "" => null,
            var value => value.ToString(),
        };
    }

    /// <summary>The class in the source code, not its run-time subclass by <see cref="SettingOptions"/>.</summary>
    private Type DeclaredType => GetType().Assembly.IsDynamic ? GetType().BaseType! : GetType();

    private JsonNode? ValueOf(VerbOption option) => option.Property.GetValue(this) switch
    {
        null => null,
        false when option.IsSwitch => null,
        Fraction fraction => fraction.Value,
        WholeNumbers numbers => new JsonArray([.. numbers.Values.Select(number => JsonValue.Create(number))]),
        Fractions numbers => new JsonArray([.. numbers.Values.Select(number => JsonValue.Create(number))]),
        Words words => new JsonArray([.. words.Values.Select(word => JsonValue.Create(word))]),
        bool isOn => isOn,
        int number => number,
        ulong number => number,
        var text => text.ToString(),
    };

    private static string? DefaultText(JsonNode? value) => value switch
    {
        null or JsonArray { Count: 0 } => null,
        JsonArray many => string.Join(',', many.Select(one => one!.ToString())),
        _ when value.GetValueKind() == JsonValueKind.Number => NumberText.Of(value.GetValue<double>()),
        _ => value.ToString(),
    };
}

/// <summary>Options of verbs that compute on a device.</summary>
public abstract class ComputingArguments : VerbArguments
{
    [Option("device", MetaValue = "NAME", HelpText = VerbTexts.Device)]
    public string Device { get; init; } = DeviceChoice.Auto;

    [Option("cuda-graphs", MetaValue = "on|off", HelpText = VerbTexts.CudaGraphs)]
    public string CudaGraphs { get; init; } = DeviceChoice.On;

    [Option("precision", MetaValue = "NAME", HelpText = SettingTexts.Precision)]
    public string Precision { get; init; } = NameText.Of(Kernels.Devices.Precision.Float32);

    [Option("threads", MetaValue = "N", HelpText = SettingTexts.Threads)]
    public int Threads { get; init; }

    /// <summary>Opens the device, with its precision.</summary>
    /// <param name="pinned">Whether CPU threads are pinned to cores.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">There is no such device, or it does not support the precision.</exception>
    internal Device OpenDevice(bool pinned = true) => DeviceChoice.Open(Device, Threads, CudaGraphs, ChosenPrecision, pinned);

    internal Precision ChosenPrecision => NameText.Parse<Precision>("precision", Precision);
}

/// <summary>Options of verbs that compute with random numbers.</summary>
public abstract class RandomArguments : ComputingArguments
{
    [Option("seed", MetaValue = "N", HelpText = "Random seed.")]
    public ulong Seed { get; init; } = 1;
}
