using System.Text.Json;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class ProfileTests
{
    [Fact]
    public void PrintsKernelTableAndWritesTrace()
    {
        string trace = Path.GetTempFileName();
        ProcessResult result =
            AsclProcess.Run("profile", "--model", "smallcnn", "--batch", "2", "--what", "input-grad", "--device", "cpu", "--trace", trace);
        Assert.Empty(result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.StartsWith("input-grad, smallcnn, batch 2, on cpu: ", result.Output);
        Assert.Matches(@"\nkernel +calls +ms +% of time +GFLOP/s +GB/s +% of peak\n", result.Output);
        // Four convolutions, and no gradient of the weights.
        Assert.Matches(@"\nconv2d\.forward +4 ", result.Output);
        Assert.Matches(@"\nconv2d\.backward_input +4 ", result.Output);
        Assert.DoesNotContain("backward_weight", result.Output);

        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(trace));
        File.Delete(trace);
        JsonElement[] events = [.. json.RootElement.GetProperty("traceEvents").EnumerateArray()];
        Assert.Equal(4, events.Count(e => e.GetProperty("name").GetString() == "conv2d.forward"));
        // Kernels run one after another.
        Assert.All(events.Zip(events.Skip(1)), pair => Assert.True(
            Of(pair.Second, "ts") >= Of(pair.First, "ts") + Of(pair.First, "dur") - 1));

        static double Of(JsonElement call, string property) => call.GetProperty(property).GetDouble();
    }

    [Fact]
    public void UnknownPartIsRefused() => Assert.StartsWith("unknown measurement 'pgd-stp': did you mean pgd-step?",
        AsclProcess.RefusalInProcess("profile", "--what", "pgd-stp"));
}
