using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Ascl.Cli.Tests.FakeCuda;

/// <summary>The host side of CUDA on a fake driver that runs no kernels: tests what is loaded, copied and launched, not the
/// results.</summary>
public sealed class CudaHostTests
{
    private const long Plenty = 8L << 30;

    [FakeCudaFact]
    public void KernelsAreLoadedAndLaunched()
    {
        var (result, launches) = FakeCuda.Run(Plenty, "gradcheck", "--op", "relu", "--device", "cuda");
        Assert.Contains("on cuda:0: fake GPU, sm_90, 8 GiB", result.Output);
        // Nothing was computed, so the check fails.
        Assert.Equal(1, result.ExitCode);
        Assert.Empty(result.Error);
        Assert.True(launches["Kernel_Map"].Single > 0);
    }

    /// <summary>Ten attack steps and an update: every kernel can be loaded, and every launch has a valid grid.</summary>
    [FakeCudaFact]
    public void TrainingStepIsLaunched()
    {
        var (result, launches) = FakeCuda.Run(Plenty, "bench", "--model", "resnet20", "--what", "pgd-step,contrastive", "--rows", "300",
            "--batch", "4", "--reps", "1", "--device", "cuda");
        Assert.Empty(result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("ascl pgd-step.resnet20.b4.cuda ", result.Output);
        // A warm-up run and a timed run of ten steps each. The first step and the first update are launched kernel by kernel; all others
        // are replays of two graphs, one of the attack and one of the update.
        Assert.Equal((1, 19), launches["Kernel_PgdStepLinf"]);
        Assert.Equal((2, 20), launches["graphs"]);
    }

    [FakeCudaFact]
    public void AttackIsOneCudaGraph()
    {
        string[] attack = ["bench", "--model", "resnet20", "--what", "attack-eval", "--batch", "4", "--reps", "1", "--device", "cuda"];
        var launches = FakeCuda.Run(Plenty, attack).Launches;
        Assert.Equal((1, 19), launches["graphs"]);
        Assert.Equal((1, 19), launches["Kernel_PgdStepLinf"]);
        var plain = FakeCuda.Run(Plenty, [.. attack, "--cuda-graphs", "off"]).Launches;
        Assert.Equal((0, 0), plain["graphs"]);
        // The graph contains exactly the kernels that are launched without it.
        string[] kernels = [.. plain.Keys.Where(key => key.StartsWith("Kernel_", StringComparison.Ordinal))];
        foreach (string kernel in kernels)
            Assert.Equal((kernel, plain[kernel].Single), (kernel, launches[kernel].Single + launches[kernel].Replayed));
        Assert.True(kernels.Sum(kernel => launches[kernel].Single) < kernels.Sum(kernel => plain[kernel].Single) / 10);
    }

    [FakeCudaFact]
    public void WithoutGraphSupportKernelsAreLaunchedSinglyWithANote()
    {
        var (result, launches) = FakeCuda.Run(Plenty, graphs: false, tensorCores: true, "bench", "--model", "resnet20", "--what",
            "attack-eval", "--batch", "4", "--reps", "1", "--device", "cuda");
        Assert.Equal(0, result.ExitCode);
        Assert.Matches("^ascl: cuda:0: .* without a CUDA graph: cuStreamBeginCapture: CUDA error 801$",
            Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal((20, 0), launches["Kernel_PgdStepLinf"]);
    }

    /// <summary>All convolutions except the first use the native kernels, and so does the last layer; the driver checks their arguments and
    /// shared memory.</summary>
    [FakeCudaTheory]
    [InlineData("bf16")]
    [InlineData("tf32")]
    public void TensorCoreKernelsAreLaunched(string precision)
    {
        var (result, launches) = FakeCuda.Run(Plenty, "bench", "--model", "resnet20", "--what", "pgd-step", "--batch", "4", "--reps", "1",
            "--device", "cuda", "--precision", precision);
        Assert.Empty(result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"ascl pgd-step.resnet20.b4.cuda.{precision} ", result.Output);
        Assert.Equal((1, 19), launches["Kernel_PgdStepLinf"]);
        foreach (string kernel in new[] { "convolve_{0}_128x16", "convolve_{0}_128x32", "convolve_{0}_64x64", "add_pixels_{0}_16x64",
            "add_pixels_{0}_32x64", "add_pixels_{0}_64x64", "multiply_{0}_64x64", "pack_{0}" })
            Assert.True(launches.GetValueOrDefault(string.Format(CultureInfo.InvariantCulture, kernel, precision)).Single > 0,
                $"{kernel} was not launched: {string.Join(' ', launches.Keys)}");
        // The first layer has only three input channels: it and its gradient use the other kernels.
        Assert.True(launches.Where(entry => entry.Key.StartsWith("Kernel_Convolve", StringComparison.Ordinal))
            .Sum(entry => entry.Value.Single) > 0);
        Assert.DoesNotContain(launches.Keys, name => name.StartsWith("Kernel_Multiply", StringComparison.Ordinal));
    }

    /// <summary>The largest tiles need more shared memory than a kernel gets by default; the fake driver checks that it is
    /// requested.</summary>
    [FakeCudaFact]
    public void LargestTilesRequestMoreSharedMemory()
    {
        var (result, launches) = FakeCuda.Run(Plenty, "bench", "--model", "resnet18", "--what", "param-grad", "--batch", "2", "--reps", "1",
            "--device", "cuda", "--precision", "tf32");
        Assert.Empty(result.Error);
        Assert.Equal(0, result.ExitCode);
        Assert.True(launches["add_pixels_tf32_128x128"].Single > 0);
    }

    [FakeCudaFact]
    public void WithoutTensorCoreKernelsFloat32IsUsedWithANote()
    {
        var (result, launches) = FakeCuda.Run(Plenty, graphs: true, tensorCores: false, "bench", "--model", "resnet20", "--what", "forward",
            "--batch", "2", "--reps", "1", "--device", "cuda", "--precision", "bf16");
        Assert.Equal(0, result.ExitCode);
        Assert.StartsWith("ascl: precision bf16: using float32 instead, because the tensor-core kernels cannot be loaded: ",
            Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains("ascl forward.resnet20.b2.cuda ", result.Output);
        Assert.DoesNotContain(launches.Keys, name => name.Contains("bf16", StringComparison.Ordinal));
    }

    /// <summary>The attack in bf16; the update and the evaluation in float32.</summary>
    [FakeCudaFact]
    public void AttackCanHaveItsOwnPrecision()
    {
        string folder = Directory.CreateTempSubdirectory("ascl-run").FullName;
        try
        {
            var (result, launches) = FakeCuda.Run(Plenty, "train", "--method", "pgd-at", "--limit-train", "520", "--limit-test", "8",
                "--validation", "8", "--epochs", "1", "--batch", "256", "--attack-steps", "2", "--twin", "false",
                "--tensorboard", "false", "--out", Path.Combine(folder, "run"), "--device", "cuda", "--attack-precision", "bf16");
            Assert.DoesNotContain("precision", result.Error);
            Assert.Contains(launches, entry => entry.Key.StartsWith("convolve_bf16", StringComparison.Ordinal) && entry.Value.Single > 0);
            Assert.DoesNotContain(launches.Keys,
                name => name.StartsWith("add_pixels", StringComparison.Ordinal) || name.Contains("tf32", StringComparison.Ordinal));
            Assert.Contains("\"attack-precision\": \"bf16\"", File.ReadAllText(Path.Combine(folder, "run", "config.json")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("bf16", "precision bf16: only CUDA devices have tensor cores")]
    [InlineData("bf61", "unknown precision 'bf61': did you mean bf16?")]
    public void ReducedPrecisionIsRefusedOnTheCpu(string precision, string message) =>
        Assert.StartsWith(message, AsclProcess.Refusal("gradcheck", "--op", "relu", "--device", "cpu", "--precision", precision));

    /// <summary>The fake GPU's events are a millisecond apart.</summary>
    [FakeCudaFact]
    public void ProfileIsTimedByCudaEvents()
    {
        string trace = Path.GetTempFileName();
        var (result, launches) = FakeCuda.Run(Plenty, "profile", "--model", "smallcnn", "--batch", "2", "--what", "input-grad", "--device",
            "cuda", "--trace", trace);
        Assert.Empty(result.Error);
        Assert.Matches(@"\nconv2d\.forward +4 +4\.00 ", result.Output);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(trace));
        File.Delete(trace);
        JsonElement[] events = [.. json.RootElement.GetProperty("traceEvents").EnumerateArray()];
        Assert.True(events.Length > 20);
        Assert.Equal(Enumerable.Range(0, events.Length).Select(i => 1e3 + 2e3 * i), events.Select(e => e.GetProperty("ts").GetDouble()));
        Assert.All(events, e => Assert.Equal(1e3, e.GetProperty("dur").GetDouble()));
        // Copies of weights and images wait for the stream; waiting for each kernel would add two waits per kernel.
        Assert.True(launches["waits"].Single < 2 * events.Length, $"{launches["waits"].Single} waits for {events.Length} kernels");
    }

    [FakeCudaFact]
    public void DeviceIsListedAndAutoExplainsWhyItIsNotUsed()
    {
        Assert.Matches(@"cuda:0 +name +fake GPU, sm_90, 8 GiB", FakeCuda.Run(Plenty, "devices").Result.Output);
        Assert.Contains("--device auto: using the CPU, because", FakeCuda.Run(Plenty, "gradcheck", "--op", "relu").Result.Error);
    }

    [FakeCudaFact]
    public void OutOfMemoryIsAOneLineError()
    {
        ProcessResult result = FakeCuda.Run(1 << 20, "gradcheck", "--op", "relu", "--device", "cuda").Result;
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("out of memory: 256 MiB more were needed", result.ErrorLine);
    }

    [Theory]
    [InlineData("cuda:7", "no CUDA device")]
    [InlineData("gpu", "device gpu: must be auto, cpu, cuda or cuda:NUMBER")]
    [InlineData("cuda:", "device cuda:: must be")]
    public void UnknownDeviceIsRefused(string name, string message) =>
        Assert.StartsWith(message, AsclProcess.Refusal("gradcheck", "--op", "relu", "--device", name));
}
