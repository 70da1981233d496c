using Ascl.Core.Diagnostics;
using Ascl.Kernels.Channels;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Channels;

public sealed class ChannelKernelsTests
{
    /// <summary>The parts' channels, and which are selected: in whole blocks, across them, in turn, repeated, a block not at all.</summary>
    public static TheoryData<int[], int[]> Selections { get; } = new()
    {
        { [16, 32], [.. Enumerable.Range(0, 48)] },
        { [12, 12, 12, 5], [.. Enumerable.Range(0, 41)] },
        { [29, 29], [.. Enumerable.Range(0, 58).Select(i => i % 2 * 29 + i / 2)] },
        { [64], [.. Enumerable.Range(20, 17)] },
        { [3, 40], [.. Enumerable.Repeat(7, 19), 0, 42] },
        { [100], [.. Enumerable.Range(0, 25).Select(i => 4 * i)] },
        { [17], [.. Enumerable.Range(0, 17).Reverse()] },
        { [1], [0] },
    };

    [Theory, MemberData(nameof(Selections))]
    public void SelectedChannelsAndTheirGradients(int[] sizes, int[] channels)
    {
        const int N = 3, H = 3, W = 2, Pixels = H * W;
        float[][] parts = [.. sizes.Select((c, i) => DeviceData.Uniform(N * c * Pixels, (uint)i + 1))];
        float[] dy = DeviceData.Uniform(N * channels.Length * Pixels, 50);
        int all = sizes.Sum();
        float[] expected = new float[dy.Length];
        double[] gradient = new double[N * all * Pixels];
        for (int n = 0; n < N; n++)
            for (int i = 0; i < channels.Length; i++)
                for (int p = 0; p < Pixels; p++)
                {
                    int at = (n * channels.Length + i) * Pixels + p;
                    int part = 0, c = channels[i];
                    while (c >= sizes[part])
                        c -= sizes[part++];
                    expected[at] = parts[part][(n * sizes[part] + c) * Pixels + p];
                    gradient[(n * all + channels[i]) * Pixels + p] += dy[at];
                }
        foreach (int threads in new[] { 1, 2 })
        {
            using CpuDevice device = new(threads);
            ActivationLayout output = ActivationLayout.Blocked(device, N, channels.Length, H, W);
            ActivationPart[] sources = [.. sizes.Select((c, i) =>
            {
                ActivationLayout layout = ActivationLayout.Blocked(device, N, c, H, W);
                return new ActivationPart(layout, device.Activation(layout, parts[i]));
            })];
            DeviceBuffer<float> y = Dirty(device, output);
            ChannelKernels.Select(sources, channels, output, y);
            Assert.Equal(expected, device.Plain(output, y));
            DeviceData.AssertZeroOutside(output, y, "selected");
            ActivationPart dyPart = new(output, device.Activation(output, dy));
            for (int part = 0, first = 0; part < sizes.Length; first += sizes[part++])
            {
                ActivationLayout layout = sources[part].Layout;
                DeviceBuffer<float> dx = Dirty(device, layout);
                ChannelKernels.SelectBackward(dyPart, channels, first, layout, dx);
                double[] own = [.. Enumerable.Range(0, N).SelectMany(n => gradient
                    .Skip((n * all + first) * Pixels).Take(layout.C * Pixels))];
                Tolerance.Close(own, device.Plain(layout, dx), 1e-6, $"gradient of part {part}");
                DeviceData.AssertZeroOutside(layout, dx, $"gradient of part {part}");
            }
        }
    }

    [Fact]
    public void WhatDoesNotFitIsNamed()
    {
        using CpuDevice device = new(1);
        ActivationLayout x = ActivationLayout.Blocked(device, 1, 3, 2, 2), y = x with { C = 2 }, wide = x with { W = 3 };
        ActivationPart part = new(x, device.Allocate<float>(x.Length));
        DeviceBuffer<float> to = device.Allocate<float>(wide.Length);
        Assert.Contains("channel 3 of 3", Refused([part], [0, 3], y), StringComparison.Ordinal);
        Assert.Contains("channel -1 of 3", Refused([part], [-1, 0], y), StringComparison.Ordinal);
        Assert.Contains("3 channels for [1, 2, 2, 2]", Refused([part], [0, 1, 2], y), StringComparison.Ordinal);
        Assert.Contains("no channels for [1, 3, 2, 3]", Refused([part], [0, 1, 2], wide), StringComparison.Ordinal);

        string Refused(ActivationPart[] parts, int[] channels, ActivationLayout output) =>
            Assert.Throws<ShapeException>(() => ChannelKernels.Select(parts, channels, output, to)).Message;
    }

    /// <summary>The same bits for any number of threads and for an image whatever batch it is in.</summary>
    [Fact]
    public void SumsOverImagesAreOrdered()
    {
        float[] x = DeviceData.Uniform(5 * 19 * 12, 1), dy = DeviceData.Uniform(5 * 19 * 12, 2);
        float[][]? bits = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            ActivationLayout layout = ActivationLayout.Blocked(device, 5, 19, 4, 3);
            DeviceBuffer<float> xb = device.Activation(layout, x), dyb = device.Activation(layout, dy), one = device.Allocate<float>(1);
            DeviceBuffer<float> each = device.Allocate<float>(19), images = device.Allocate<float>(5 * 19);
            ChannelArithmeticKernels.AffineBackward(layout, dyb, null, xb, null, null, ChannelValues.OfChannels(each),
                ChannelValues.OfImages(images, 19));
            ChannelArithmeticKernels.PReluBackward(layout, dyb, xb, ChannelValues.OfAll(device.Upload<float>([0.25f])), null,
                ChannelValues.OfAll(one));
            float[][] made = [each.ToArray(), images.ToArray(), one.ToArray()];
            Assert.Equal(bits ??= made, made);
            DeviceData.AssertNothingBehind(each, "sums over the images");
        }
    }

    /// <summary>An activation whose pixels and padding channels hold something from before.</summary>
    internal static DeviceBuffer<float> Dirty(Device device, ActivationLayout layout)
    {
        ActivationLayout full = layout with { C = layout.Blocks * layout.Block };
        return device.Activation(full, DeviceData.Uniform(full.N * full.C * full.H * full.W, 99));
    }
}
