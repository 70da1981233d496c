using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Testing;
using Ascl.Testing.Ptx;
using ILGPU.Runtime.Cuda;
using CudaDevice = Ascl.Kernels.Cuda.CudaDevice;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class PhiloxParityTests
{
    private const int Count = 1001;

    private static readonly RandomKey Key = new(0xFEDCBA9876543210, RandomPurpose.Test, 0x80000003, 0xFFFFFFFF);

    [Fact]
    public void SameBitsAsTheCpu()
    {
        CudaDevice device = TestGpu.Device;
        DeviceBuffer<int> words = device.Allocate<int>(Count), indices = device.Allocate<int>(Count);
        DeviceBuffer<float> uniform = device.Allocate<float>(Count), normal = device.Allocate<float>(Count);
        device.Launch(PhiloxDraw.Draw, (CudaDevice.Groups(Count), CudaDevice.GroupSize), new PhiloxDraw.DrawArguments
        {
            Words = CudaDevice.View(words),
            Indices = CudaDevice.View(indices),
            Uniform = CudaDevice.View(uniform),
            Normal = CudaDevice.View(normal),
            Seed = Key.Seed,
            Step = Key.Step,
            Index = Key.Index,
        });
        uint[] expected = [.. Enumerable.Range(0, Count + 1).Select(i => Philox.Word(Key, (uint)i))];
        Assert.Equal(expected[..Count], words.ToArray().Select(w => (uint)w));
        Assert.Equal(expected[..Count].Select(w => Philox.ToIndex(w, 1000)), indices.ToArray());
        Assert.Equal(expected[..Count].Select(Philox.ToUniform), uniform.ToArray());
        float[] normals = normal.ToArray();
        for (int i = 0; i < Count; i++)
            Assert.Equal(Philox.ToNormal(expected[i], expected[i + 1]).Item1, normals[i], 1e-5);
    }

    [Fact]
    public void NormalNumbersOfExtremeWords()
    {
        foreach (
            uint a in new uint[] { 0, 255, 256, 0x7FFFFFFF, 0x80000000, 0x800000FF, 0xC0000000, 0xFFFFFE00, 0xFFFFFF00, uint.MaxValue })
            foreach (uint b in new uint[] { 0, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xC0000000, uint.MaxValue })
            {
                var (x, y) = Philox.ToNormal(a, b);
                var (u, v) = NormalNumbers.ToNormal(a, b);
                Assert.Equal(x, u, 5e-6);
                Assert.Equal(y, v, 5e-6);
            }
    }

    /// <summary>ILGPU shifts some unsigned numbers as signed ones; these it must not.</summary>
    [Fact]
    public void CompilesToLogicalShifts()
    {
        string ptx = PtxCompiler.Compile(typeof(PhiloxDraw).GetMethod(nameof(PhiloxDraw.Draw))!, CudaArchitecture.SM_90);
        Assert.Equal([], PtxCompiler.Complaints(ptx));
        // The one arithmetic shift is that of the angle.
        Assert.Single(ptx.Split('\n'), line => line.Contains("shr.s", StringComparison.Ordinal));
    }
}
