using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;

namespace Ascl.Bench;

/// <summary>Random numbers to work on.</summary>
internal static class Operands
{
    /// <summary>Only asked how activations lie.</summary>
    public static readonly CpuDevice LayoutDevice = new(threads: 1);

    public static DeviceBuffer<float> Uniform(Device device, int length, uint stream, float low = -1, float high = 1)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(1, RandomPurpose.Test, stream), low, high);
        return device.Upload<float>(values);
    }

    /// <summary>With the zero border that kernels rely on.</summary>
    public static DeviceBuffer<float> Activation(Device device, ActivationLayout layout, uint stream)
    {
        DeviceBuffer<float> activation = device.Allocate<float>(layout.Length);
        ActivationKernels.FromPlain(layout, Uniform(device, layout.N * layout.C * layout.H * layout.W, stream), default, default,
            activation);
        return activation;
    }

    /// <summary>Classes 0 to 9.</summary>
    public static int[] Classes(int count, uint stream) =>
        [.. Enumerable.Range(0, count).Select(i => Philox.ToIndex(Philox.Word(new RandomKey(1, RandomPurpose.Test, stream), (uint)i), 10))];
}
