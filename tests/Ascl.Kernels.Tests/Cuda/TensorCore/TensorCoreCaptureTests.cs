using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

/// <summary>Native kernels in work that is captured.</summary>
[Collection(TestGpu.Collection)]
public sealed class TensorCoreCaptureTests
{
    private sealed record Convolving(
        Conv2dGeometry Geometry, DeviceBuffer<float> X, DeviceBuffer<float> Weight, DeviceBuffer<float> Y)
            : ICapturable<DeviceBuffer<float>>
    {
        public DeviceBuffer<float> Run()
        {
            Conv2dKernels.Forward(Geometry, X, Weight, default, Y);
            return Y;
        }
    }

    /// <summary>Each precision has a capture of its own, and weights that change are packed again for it.</summary>
    [TensorCoreFact]
    public void EachPrecisionIsCapturedByItself()
    {
        CudaDevice device = TensorCores.Device(Precision.Bf16);
        Conv2dGeometry g = Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, 1, 8, 3, 3), [8, 8, 1, 1], 1, 0);
        DeviceBuffer<float> x = device.Upload<float>(DeviceData.Uniform(g.Input.Length, 1));
        DeviceBuffer<float> weight = device.Upload<float>(DeviceData.Uniform(64, 2)), y = device.Allocate<float>(g.Output.Length);
        var (captures, replays) = device.GraphCount;
        for (uint time = 0; time < 4; time++)
        {
            weight.CopyFrom(DeviceData.Uniform(64, 10 + time));
            foreach (Precision precision in new[] { Precision.Bf16, Precision.Tf32 })
            {
                TensorCores.Device(precision);
                float[] repeated = device.RunCaptured(new Convolving(g, x, weight, y)).ToArray();
                DeviceBuffer<float> plain = new Convolving(g, x, device.Upload<float>(weight.ToArray()), device.Allocate<float>(y.Length))
                    .Run();
                Assert.Equal(plain.ToArray(), repeated);
            }
        }
        Assert.Equal((captures + 2, replays + 6), device.GraphCount);
    }
}
