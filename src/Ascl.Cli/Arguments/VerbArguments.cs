using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>What every verb takes. A verb's class holds its options as properties; a value that is there before parsing is the default.
/// Further options derive from the settings that <see cref="OptionsForAttribute"/> names.</summary>
public abstract class VerbArguments
{
    [Option("config", MetaValue = "FILE.json", HelpText = "Read options from a JSON file, {\"epochs\": 5}; the command line wins over it.")]
    public string? Config { get; init; }

    /// <summary>Words that no option and no positional argument takes up: an error.</summary>
    [Value(int.MaxValue, Hidden = true)]
    public IEnumerable<string> Extra { get; init; } = [];

    /// <summary>The values of declared settings that are given, by name.</summary>
    /// <param name="type">Only those that this type declares.</param>
    public JsonObject Given(Type type)
    {
        HashSet<string> names = [.. SettingTree.Of(type).Select(setting => setting.Name)];
        JsonObject given = [];
        foreach (VerbOption option in VerbOption.Of(DeclaredType)
            .Where(option => option.Setting is not null && names.Contains(option.Name)))
        {
            JsonNode? value = option.Property.GetValue(this) switch
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
            if (value is not null)
                given[option.Name] = value;
        }
        return given;
    }

    /// <summary>Settings with the values that are given.</summary>
    /// <param name="defaults">Of what is not given.</param>
    /// <param name="verb">For messages.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">A value is unknown or out of range.</exception>
    public T Settings<T>(T defaults, string verb) where T : class => SettingTree.Read(defaults, Given(typeof(T)), verb);

    /// <summary>An option's default for the help page, null where there is none.</summary>
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

    /// <summary>The class as it is written, not as <see cref="SettingOptions"/> extends it.</summary>
    private Type DeclaredType => GetType().Assembly.IsDynamic ? GetType().BaseType! : GetType();

    private static string? DefaultText(JsonNode? value) => value switch
    {
        null or JsonArray { Count: 0 } => null,
        JsonArray many => string.Join(',', many.Select(one => one!.ToString())),
        _ when value.GetValueKind() == JsonValueKind.Number => NumberText.Of(value.GetValue<double>()),
        _ => value.ToString(),
    };
}

/// <summary>What a verb takes that computes.</summary>
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

    /// <summary>The device that was asked for.</summary>
    /// <param name="pinned">Whether its threads are fixed to cores.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">There is no such device, or it cannot compute so.</exception>
    internal Device OpenDevice(bool pinned = true) => DeviceChoice.Open(Device, Threads, CudaGraphs, RoundedTo, pinned);

    internal Precision RoundedTo => NameText.Parse<Precision>("precision", Precision);
}

/// <summary>What a verb takes that computes with random numbers.</summary>
public abstract class RandomArguments : ComputingArguments
{
    [Option("seed", MetaValue = "N", HelpText = "Seed of everything random.")]
    public ulong Seed { get; init; } = 1;
}
