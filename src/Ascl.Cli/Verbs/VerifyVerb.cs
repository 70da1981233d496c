using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Verification;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("verify", HelpText = "Checks the results of this machine against golden files: reference values computed in float64.")]
[Example("Check a new machine (in a clone of the source code)", "tests/fixtures/*.safetensors")]
internal sealed class VerifyVerb : ComputingArguments, IVerb
{
    [Value(0, MetaName = "FILE...", Required = true,
        HelpText = "Golden files, each with inputs and the values that an independent implementation computed from them.")]
    public IEnumerable<string> Files { get; init; } = [];

    public int Run(CancellationToken stop)
    {
        using Device device = OpenDevice();
        bool all = true;
        foreach (string path in Files)
        {
            stop.ThrowIfCancellationRequested();
            IReadOnlyList<GoldenCheck> checks = GoldenFile.Verify(device, path);
            bool passed = checks.All(c => c.Passed) && checks.Any(c => c.Skipped is null);
            all &= passed;
            var table = new ResultTable("quantity", "largest error", "allowed", "", "result")
            { Title = $"{Path.GetFileName(path)} on {device.Name}" };
            foreach (GoldenCheck check in checks)
                table.Add(check.Quantity, check.Skipped is null ? $"{check.Error:g3}" : "",
                    check.Skipped is null ? $"{check.Allowed:g3}" : "", check.Skipped ?? check.Measure,
                    check.Skipped is not null ? "skipped" : check.Passed ? "pass" : "FAIL");
            table.Print();
            int skipped = checks.Count(c => c.Skipped is not null);
            Console.WriteLine($"{Path.GetFileName(path)}: {(passed ? "PASS" : "FAIL")}: {checks.Count(c => c.Passed) - skipped} of "
                + $"{checks.Count - skipped} quantities{(skipped > 0 ? $", {skipped} skipped" : "")}");
        }
        return all ? 0 : 1;
    }
}
