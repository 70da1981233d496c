using Ascl.Autograd.Checking;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Objectives;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("gradcheck", HelpText = "Checks the gradient of every op and objective against central differences in double precision.")]
[Example("All ops and objectives", "")]
[Example("One op", "--op conv2d")]
[Example("Other random inputs", "--seed 2")]
internal sealed class GradcheckVerb : RandomArguments, IVerb
{
    [Option("op", MetaValue = "NAME", HelpText = "Check only this op or objective. An unknown name prints the list of all.")]
    public string? Op { get; init; }

    public int Run(CancellationToken stop)
    {
        OpCase[] all = [.. OpCases.All(Seed), .. ObjectiveCases.All(Seed)];
        OpCase[] chosen = [.. all.Where(c => Op is null || c.Op == Op)];
        if (chosen.Length == 0)
            throw NearestName.Unknown("op", Op!, all.Select(c => c.Op).Distinct());
        using Device device = OpenDevice(pinned: false);
        var table = new ResultTable("op", "case", "forward error", "gradient error", "worst input", "allowed", "result")
        {
            Title = $"Errors relative to the largest entry, on {device.Name}",
        };
        int failed = 0;
        foreach (OpCase c in chosen)
        {
            stop.ThrowIfCancellationRequested();
            GradientCheckResult result = GradientCheck.Run(device, c);
            failed += result.Passed ? 0 : 1;
            table.Add(c.Op, c.Variant, $"{result.ForwardError:g2}", $"{result.GradientError:g2}", result.WorstInput, $"{result.Allowed:g2}",
                result.Passed ? "pass" : "FAIL");
        }
        table.Print();
        int ops = chosen.DistinctBy(c => c.Op).Count();
        Console.WriteLine($"{(failed == 0 ? "PASS" : "FAIL")}: {chosen.Length - failed} of {chosen.Length} cases of {ops} "
            + $"{(ops == 1 ? "op or objective" : "ops and objectives")}");
        return failed == 0 ? 0 : 1;
    }
}
