using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class ElementwiseParityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(259)]
    public void FormulasAgreeWithTheCpu(int length)
    {
        float[] a = DeviceData.Uniform(length, 1, -3, 3), b = DeviceData.Uniform(length, 2, -3, 3);
        a[0] = 0;
        Check("relu", (x, _, y) => ElementwiseKernels.Relu(x, y));
        Check("relu.backward", (x, z, y) => ElementwiseKernels.ReluBackward(z, x, y));
        Check("limit", (x, _, y) => ElementwiseKernels.Limit(x, 1.5f, y));
        Check("limited_relu.backward", (x, z, y) => ElementwiseKernels.LimitedReluBackward(z, x, 1.5f, y));
        Check("add", ElementwiseKernels.Add);
        Check("add_scaled", (x, z, y) => ElementwiseKernels.AddScaled(x, z, -0.7f, y));
        Check("scale", (x, _, y) => ElementwiseKernels.Scale(x, 0.3f, y));
        Check("interpolate", (x, z, y) => ElementwiseKernels.Interpolate(x, z, 0.3f, y));
        Check("multiply", ElementwiseKernels.Multiply);
        Check("abs", (x, _, y) => ElementwiseKernels.Abs(x, y));
        Check("abs.backward", (x, z, y) => ElementwiseKernels.AbsBackward(z, x, y));
        Check("exp", (x, _, y) => ElementwiseKernels.Exp(x, y));
        Check("silu", (x, _, y) => ElementwiseKernels.Silu(x, y));
        Check("silu.backward", (x, z, y) => ElementwiseKernels.SiluBackward(z, x, y));
        Check("softplus", (x, _, y) => ElementwiseKernels.Softplus(x, 10, y));
        Check("softplus.backward", (x, z, y) => ElementwiseKernels.SoftplusBackward(z, x, 10, y));
        Check("gelu", (x, _, y) => ElementwiseKernels.Gelu(x, y));
        Check("gelu.backward", (x, z, y) => ElementwiseKernels.GeluBackward(z, x, y));
        Check("fill", (x, _, y) => ElementwiseKernels.Fill(x.Device.Upload<float>([4f]), 0.5f, y));

        void Check(string what, Action<DeviceBuffer<float>, DeviceBuffer<float>, DeviceBuffer<float>> run) =>
            Parity.Check(what, device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(length);
                run(device.Upload<float>(a), device.Upload<float>(b), y);
                return y;
            });
    }
}
