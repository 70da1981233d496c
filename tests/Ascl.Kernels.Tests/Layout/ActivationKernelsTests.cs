using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Layout;

public sealed class ActivationKernelsTests
{
    private static readonly float[] Mean = [0.5f, -1.25f, 3, 0.1f, 0.7f], Scale = [2, 0.3f, -1.5f, 1, 0.9f];

    public static TheoryData<int> Widths { get; } = new(1, 7, 8, 9, 15, 16, 17, 28, 32, 33);

    [Theory, MemberData(nameof(Widths))]
    public void PlanesArePixelsShiftedAndScaled(int width) => Check(width, planes: true);

    [Theory, MemberData(nameof(Widths))]
    public void ChannelBlocksArePixelsShiftedAndScaled(int width) => Check(width, planes: false);

    private static void Check(int width, bool planes)
    {
        const int N = 2, H = 3;
        int channels = Mean.Length;
        using CpuDevice device = new(2);
        ActivationLayout layout = planes
            ? ActivationLayout.Planes(N, channels, H, width)
            : ActivationLayout.Blocked(device, N, channels, H, width);
        float[] pixels = DeviceData.Uniform(N * channels * H * width, 1);
        DeviceBuffer<float> activation = device.Allocate<float>(layout.Length), back = device.Allocate<float>(pixels.Length);

        ActivationKernels.FromPlain(layout, device.Upload<float>(pixels), Mean, Scale, activation);
        float[] stored = activation.ToArray(), expected = new float[layout.Length];
        for (int i = 0; i < pixels.Length; i++)
        {
            var (row, x) = Math.DivRem(i, width);
            var (plane, y) = Math.DivRem(row, H);
            var (n, c) = Math.DivRem(plane, channels);
            expected[n * layout.ImageSize + c / layout.Block * layout.PlaneSize + layout.Interior + y * layout.RowStride + x * layout.Block
                + c % layout.Block] = (pixels[i] - Mean[c]) * Scale[c];
        }
        Assert.Equal(expected, stored);

        ActivationKernels.ToPlain(layout, activation, Scale, back);
        float[] scaledBack =
            [.. pixels.Select(
                (p, i) => (p - Mean[i / (H * width) % channels]) * Scale[i / (H * width) % channels] * Scale[i / (H * width) % channels])];
        Assert.Equal(scaledBack, back.ToArray());
        DeviceData.AssertNothingBehind(back, "pixels");
        ActivationKernels.ToPlain(layout, device.Activation(layout, pixels), default, back);
        Assert.Equal(pixels, back.ToArray());
    }
}
