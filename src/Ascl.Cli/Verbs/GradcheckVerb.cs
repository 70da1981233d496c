using Ascl.Cli.Arguments;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("gradcheck", HelpText = "Checks every gradient against central differences in double precision.")]
[Example("All ops and objectives", "")]
[Example("One of them", "--op conv2d")]
internal sealed class GradcheckVerb : RandomArguments
{
    [Option("op", MetaValue = "NAME", HelpText = "Check only this op or objective.")]
    public string? Op { get; init; }
}
