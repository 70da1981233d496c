using System.Text.RegularExpressions;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Testing;
using Ascl.Testing.Ptx;
using Xunit.Sdk;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

/// <summary>What nvcc made of the tensor-core kernels, executed as PTX.</summary>
[Collection(TestGpu.Collection)]
public sealed class TensorCorePtxExecutionTests : IDisposable
{
    private static readonly int[] Whole = [1, 68, 4, 5, 80, 3, 3, 1, 1];

    public void Dispose() => TensorCores.Emulation.Ptx = null;

    [Theory]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.Tf32)]
    public void EveryKernelMatchesTheDefinition(Precision precision)
    {
        if (TestGpu.IsReal)
            return;
        PtxNativeKernels executed = TensorCores.Emulation.Ptx = new();
        foreach (int[] shape in TensorCoreConvolutionTests.Shapes)
            TensorCoreConvolutionTests.Check(precision, shape);
        TensorCoreGemmTests.Check(precision, false, true, 33, 65, 9);
        TensorCoreGemmTests.Check(precision, true, false, 13, 10, 50);
        using (TensorCores.Device(precision).WithLargeTilesOnly())
        {
            foreach (int[] shape in TensorCoreConvolutionTests.Shapes.Where(shape => shape[1] > 32 || shape[4] > 32))
                TensorCoreConvolutionTests.Check(precision, shape);
            TensorCoreGemmTests.Check(precision, false, true, 131, 130, 37);
        }
        string[] all = [.. NativeKernel.Files.SelectMany(TensorCorePtxTests.EntryPoints)
            .Where(name => name.Contains(NativeKernel.Suffix(precision), StringComparison.Ordinal))];
        Assert.Empty(all.Except(executed.Launched));
    }

    [Theory]
    [InlineData(Precision.Tf32, @"bar\.sync\s+0;", "")]
    [InlineData(Precision.Tf32, @"cp\.async\.wait_group 2;", "cp.async.wait_group 3;")]
    [InlineData(Precision.Bf16, @"cp\.async\.wait_group 1;", "cp.async.wait_group 2;")]
    public void AMissingBarrierOrWaitIsFound(Precision precision, string pattern, string replacement)
    {
        if (TestGpu.IsReal)
            return;
        TensorCores.Emulation.Ptx = new(text => Regex.Replace(text, pattern, replacement));
        Assert.True(Record.Exception(() => TensorCoreConvolutionTests.Check(precision, Whole)) is PtxException or XunitException);
    }
}
