using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;

namespace Ascl.Kernels.Tests.Devices;

/// <summary>Test values, on their way to a device and back.</summary>
internal static class DeviceData
{
    public static float[] Uniform(int length, uint stream, float low = -1, float high = 1)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(11, RandomPurpose.Test, stream), low, high);
        return values;
    }

    public static float[] Normal(int length, uint stream)
    {
        float[] values = new float[length];
        Philox.FillNormal(values, new RandomKey(12, RandomPurpose.Test, stream), 1);
        return values;
    }

    public static DeviceBuffer<float> Activation(this Device device, ActivationLayout layout, float[] plain)
    {
        DeviceBuffer<float> activation = device.Allocate<float>(layout.Length);
        ActivationKernels.FromPlain(layout, device.Upload<float>(plain), default, default, activation);
        return activation;
    }

    /// <summary>The values of an activation, plain [N, C, H, W].</summary>
    public static float[] Plain(this Device device, ActivationLayout layout, DeviceBuffer<float> activation)
    {
        DeviceBuffer<float> plain = device.Allocate<float>(layout.N * layout.C * layout.H * layout.W);
        ActivationKernels.ToPlain(layout, activation, default, plain);
        return plain.ToArray();
    }

    /// <summary>Fails where a border pixel, or a channel that only fills up a block, is not zero: later kernels rely on both.</summary>
    public static void AssertZeroOutside(ActivationLayout layout, DeviceBuffer<float> activation, string what)
    {
        float[] data = activation.ToArray();
        for (int i = 0; i < data.Length; i++)
        {
            int lane = i % layout.Block, x = i / layout.Block % (layout.W + 2), y = i / layout.RowStride % (layout.H + 2);
            int block = i / layout.PlaneSize % layout.Blocks;
            bool inside = x > 0 && x <= layout.W && y > 0 && y <= layout.H && block * layout.Block + lane < layout.C;
            if (!inside && data[i] != 0)
                Assert.Fail(
                    $"{what} {layout}: {data[i]} outside the image at row {y - 1}, column {x - 1}, channel {block * layout.Block + lane}");
        }
    }

    /// <summary>Fails where a kernel wrote behind the end of a buffer.</summary>
    public static unsafe void AssertNothingBehind(DeviceBuffer<float> buffer, string what)
    {
        for (int i = 0; i < 32; i++)
            Assert.True(CpuDevice.Pointer(buffer)[buffer.Length + i] == 0,
                $"{what}: written {i + 1} floats behind a buffer of {buffer.Length}");
    }
}
