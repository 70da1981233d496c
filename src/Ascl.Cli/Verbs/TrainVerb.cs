using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("train", HelpText = "Trains a classifier and tells how robust it is.")]
[Example("Train ASCL (leaked selection) on the images built in, a few minutes on two cores", "")]
[Example("The paper's baseline on CIFAR-10 from its official files",
    "--method pgd-at --model resnet18 --data cifar10:data/cifar-10-batches-bin --epochs 110 --schedule piecewise --milestones 100,105")]
[Example("The settings of a paper, but for the epochs",
    "--preset ascl-cifar10-paper --data cifar10:data/cifar-10-batches-bin --epochs 30 --milestones 20,25")]
[Example("Other images: a folder or archive with train|test/CLASS/IMAGE", "--data folder:photos.tar.gz --model resnet20 --epsilon 8/255")]
[Example("Pre-train an encoder by supervised contrastive learning",
    "--method supcon --views 2 --strategy global --distance cosine --temperature 0.07 --out runs/encoder")]
[Example("Train a linear layer on it while it is frozen", "--method linear --from runs/encoder")]
[Example("Go on with a run that was stopped, to the same bits", "--resume runs/ascl-1")]
[Example("Go on to more epochs than were asked for at first", "--resume runs/ascl-1 --epochs 40")]
[Example("Do an earlier run again with another seed", "--config runs/ascl-1/config.json --seed 2 --out runs/ascl-2")]
[OptionsFor(typeof(RunConfig))]
public partial class TrainVerb : VerbArguments, IVerb
{
    [Section("Settings of papers")]
    [Option("preset", MetaValue = "NAME", HelpText = $"Begin with the settings of {TrainPresets.Names}; options given beside it win.")]
    public string? Preset { get; init; }

    [Option("list-presets", HelpText = "Tell what each preset sets, and do nothing else.")]
    public bool ListPresets { get; init; }

    [Section("Device")]
    [Option("device", MetaValue = "NAME", HelpText = VerbTexts.Device)]
    public string Device { get; init; } = DeviceChoice.Auto;

    [Option("cuda-graphs", MetaValue = "on|off", HelpText = VerbTexts.CudaGraphs)]
    public string CudaGraphs { get; init; } = DeviceChoice.On;

    /// <summary>The values that the preset, the command line and --config give, by the names of <see cref="RunConfig"/>'s
    /// settings.</summary>
    public JsonObject Given() => Given(Preset);

    private JsonObject Given(string? preset)
    {
        JsonObject given = preset is null ? [] : ArgumentReader.Read<TrainVerb>("train", TrainPresets.Options(preset)).Given();
        foreach (var (name, value) in Given(typeof(RunConfig)))
            given[name] = value?.DeepClone();
        return given;
    }

    /// <summary>The run that the options describe.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">A value is unknown or out of range.</exception>
    public RunConfig ToRunConfig() => RunConfig.Of(Given(), "train");
}
