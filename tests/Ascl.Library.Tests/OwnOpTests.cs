using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Autograd.Checking;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Profiling;
using Ascl.Testing;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>An op of one's own is checked, profiled and traced like the engine's, on CPU and CUDA.</summary>
[Collection(TestGpu.Collection)]
public sealed class OwnOpTests
{
    private static readonly OpCase Case =
        new("cube", "a few", [new CaseInputs(1).Draw("x", 7, 19)], x => x[0].Cubed(), x => [.. x[0].Select(v => v * v * v)]);

    [Fact]
    public void PassesTheGradientCheckOnEveryDevice()
    {
        using CpuDevice cpu = new(2);
        foreach (Device device in new Device[] { cpu, TestGpu.Device })
        {
            GradientCheckResult result = GradientCheck.Run(device, Case);
            Assert.True(result.Passed, $"{device.Name}: {result}");
        }
        // The check can fail.
        Assert.False(GradientCheck.Run(cpu, Case with { Reference = x => [.. x[0].Select(v => v * v * v * 1.001)] }).Passed);
    }

    [Fact]
    public void IsProfiledAndTraced()
    {
        using CpuDevice cpu = new(1);
        Tensor x = Tensor.FromArray(cpu, new(1000), new float[1000], requiresGrad: true);
        KernelProfile profile = KernelProfile.Of(cpu, () =>
        {
            using IDisposable scope = cpu.Pool.BeginScope();
            Gradient.Of(x.Cubed().Sum(), x);
        });
        Assert.Contains(profile.Totals(byShape: true), total => total.Name == "cube.forward 1000" && total.Calls == 1);
        string path = Path.GetTempFileName();
        profile.SaveChromeTrace(path);
        Assert.Contains(
            "cube.backward", JsonNode.Parse(File.ReadAllText(path))!["traceEvents"]!.AsArray().Select(e => e!["name"]!.GetValue<string>()));
        File.Delete(path);
    }

    [Fact]
    public void AMissingPathOfAKernelIsNamed()
    {
        using CpuDevice cpu = new(1);
        DeviceBuffer<float> y = cpu.Allocate<float>(3);
        Assert.Contains("only.cuda: there is no such kernel for cpu", Assert.Throws<NotSupportedException>(
            () => DeviceKernel.Run("only.cuda", 3, 0, 0, cpu: null, cuda => { }, y)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "its buffers are on different devices",
            Assert.Throws<ArgumentException>(() => DeviceKernel.Run(
                "both", 3, 0, 0, cpu => { }, cuda => { }, y, TestGpu.Device.Allocate<float>(3))).Message, StringComparison.Ordinal);
    }
}
