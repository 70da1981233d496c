using Ascl.Kernels.Devices;
using Ascl.Robustness.Training;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>What every verb takes. A verb's class holds its options as properties; a value that is there before parsing is the default.</summary>
public abstract class VerbArguments
{
    [Option("config", MetaValue = "FILE.json", HelpText = "Read options from a JSON file, {\"epochs\": 5}; the command line wins over it.")]
    public string? Config { get; init; }

    /// <summary>Words that no option and no positional argument takes up: an error.</summary>
    [Value(int.MaxValue, Hidden = true)]
    public IEnumerable<string> Extra { get; init; } = [];

    /// <summary>An option's default for the help page, null where there is none.</summary>
    public virtual string? DefaultOf(string option) =>
        VerbOption.Of(GetType()).First(o => o.Name == option).Property.GetValue(this) switch
        {
            null or false or "" => null,
            var value => value.ToString(),
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
    public string Precision { get; init; } = RunConfig.Precisions[0];

    [Option("threads", MetaValue = "N", HelpText = SettingTexts.Threads)]
    public int Threads { get; init; }
}

/// <summary>What a verb takes that computes with random numbers.</summary>
public abstract class RandomArguments : ComputingArguments
{
    [Option("seed", MetaValue = "N", HelpText = "Seed of everything random.")]
    public ulong Seed { get; init; } = 1;
}
