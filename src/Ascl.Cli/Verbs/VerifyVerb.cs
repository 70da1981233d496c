using Ascl.Cli.Arguments;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("verify", HelpText = "Recomputes the golden values in files and tells how far this machine is from them.")]
[Example("Check a new machine", "fixtures/*.safetensors")]
internal sealed class VerifyVerb : ComputingArguments
{
    [Value(0, MetaName = "FILE...", Required = true, HelpText = "Golden files: inputs, and the values computed from them in float64.")]
    public IEnumerable<string> Files { get; init; } = [];
}
