using System.Text.RegularExpressions;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Reduce;
using Ascl.Testing;
using Ascl.Testing.Ptx;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>What executing PTX finds: real kernels, each with one change to its text.</summary>
[Collection(TestGpu.Collection)]
public sealed class PtxFaultInjectionTests
{
    /// <summary>Two groups, the second of which has threads without a number.</summary>
    private const int Count = 1500;

    [Fact]
    public void AnUnchangedKernelIsRight() => Assert.Equal(Expected, SquaredNorm(text => text), 1e-3);

    [Fact]
    public void ABarrierLessIsARace() =>
        Assert.Contains("a race", Finding(text => new Regex(@"bar\.sync[^;]*;").Replace(text, "", count: 1)), StringComparison.Ordinal);

    [Theory]
    [InlineData(@"(st\.global\.\w+\s+\[%rd\d+)\]", "$1+1048576]", "outside the buffers")]
    [InlineData(@"(st\.shared\.\w+\s+\[%rd\d+)\]", "$1+1048576]", "of shared memory")]
    [InlineData(@"(st\.shared\.\w+\s+\[%rd\d+)\]", "$1+-4]", "of shared memory")]
    [InlineData(@"(ld\.global\.\w+\s+%\w+, \[%rd\d+)\]", "$1+2]", "no multiple of 4")]
    [InlineData(@"(@!?%p\d+\s+)bra\s", "$1bra.uni ", "said to be uniform")]
    public void WrongAccessesAndBranchesAreFound(string pattern, string replacement, string finding) =>
        Assert.Contains(finding, Finding(text => Regex.Replace(text, pattern, replacement)), StringComparison.Ordinal);

    [Fact]
    public void AStoreOffByOneLeavesTheBuffer()
    {
        using CudaDevice device = Device(text => Regex.Replace(text, @"(st\.global\.v4\.\w+\s+\[%rd\d+)\]", "$1+16]"));
        DeviceBuffer<float> x = device.Allocate<float>(64), y = device.Allocate<float>(64);
        Assert.Contains("outside the buffers", Assert.Throws<PtxException>(() => ElementwiseKernels.AddScaled(x, x, 2, y)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AComparisonOffByOneLeavesTheBuffer() =>
        Assert.Contains("outside the", Finding(text => Regex.Replace(text, @"setp\.ge\.s32", "setp.gt.s32")), StringComparison.Ordinal);

    private static double Expected => Values.Sum(value => (double)value * value);

    private static float[] Values { get; } = [.. Enumerable.Range(0, Count).Select(i => MathF.Sin(i))];

    private static CudaDevice Device(Func<string, string> mutation) =>
        CudaDevice.Simulated(new PtxKernelLoader { Mutation = mutation }, graphs: false);

    private static string Finding(Func<string, string> mutation) => Assert.Throws<PtxException>(() => SquaredNorm(mutation)).Message;

    private static double SquaredNorm(Func<string, string> mutation)
    {
        using CudaDevice device = Device(mutation);
        return ReduceKernels.SquaredNorm(device.Upload<float>(Values));
    }
}
