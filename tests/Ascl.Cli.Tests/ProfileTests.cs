using System.Text.Json;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class ProfileTests
{
    [Fact]
    public void KernelsAreATableAndATrace()
    {
        string trace = Path.GetTempFileName();
        ProcessResult result = AsclProcess.Run("profile", "--model", "smallcnn", "--batch", "2", "--what", "input-grad", "--device", "cpu", "--trace", trace);
        Assert.Empty(result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.StartsWith("input-grad, smallcnn, batch 2, on cpu: ", result.Output);
        Assert.Matches(@"\nkernel +calls +ms +% of time +GFLOP/s +GB/s +% of peak\n", result.Output);
        // Four convolutions; of weights there is no gradient.
        Assert.Matches(@"\nconv2d\.forward +4 ", result.Output);
        Assert.Matches(@"\nconv2d\.backward_input +4 ", result.Output);
        Assert.DoesNotContain("backward_weight", result.Output);

        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(trace));
        File.Delete(trace);
        JsonElement[] events = [.. json.RootElement.GetProperty("traceEvents").EnumerateArray()];
        Assert.Equal(4, events.Count(e => e.GetProperty("name").GetString() == "conv2d.forward"));
        // One after another: none begins before the one before it has ended.
        Assert.All(events.Zip(events.Skip(1)), pair => Assert.True(
            pair.Second.GetProperty("ts").GetDouble() >= pair.First.GetProperty("ts").GetDouble() + pair.First.GetProperty("dur").GetDouble() - 1));
    }

    [Fact]
    public void AnUnknownPartIsRefused() => Assert.StartsWith("unknown measurement 'pgd-stp': did you mean pgd-step?", AsclProcess.RefusalHere("profile", "--what", "pgd-stp"));
}
