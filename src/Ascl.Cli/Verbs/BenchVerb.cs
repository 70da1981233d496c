using Ascl.Cli.Arguments;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("bench", HelpText = "Times the parts of training; a line each: ascl NAME MIN_MS MEDIAN_MS.")]
[Example("A training step and its parts on ResNet-18", "--model resnet18 --batch 128 --threads 2")]
[Example("The contrastive loss over 8,192 rows, forward and backward", "--what contrastive --rows 8192 --dim 128")]
internal sealed class BenchVerb : RandomArguments
{
    [Option("model", MetaValue = "NAME", HelpText = $"Network: {VerbTexts.Networks}.")]
    public string Model { get; init; } = "resnet18";

    [Option("batch", MetaValue = "N", HelpText = "Images a step.")]
    public int Batch { get; init; } = 128;

    [Option("what", MetaValue = "NAMES", HelpText = "Parts to time, with commas between them; contrastive is another.")]
    public string What { get; init; } = "forward,input-grad,param-grad,attack-eval,pgd-step";

    [Option("rows", MetaValue = "N", HelpText = "Rows of the contrastive loss.")]
    public int Rows { get; init; } = 1024;

    [Option("dim", MetaValue = "D", HelpText = "Their length.")]
    public int Dim { get; init; } = 128;

    [Option("reps", MetaValue = "R", HelpText = "Timed repetitions of each part.")]
    public int Reps { get; init; } = 3;
}
