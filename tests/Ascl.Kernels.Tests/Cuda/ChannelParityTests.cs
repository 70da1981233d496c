using Ascl.Kernels.Channels;
using Ascl.Kernels.Devices;
using Ascl.Kernels.LayerNorm;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Channels;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>Channels selected, scaled and normalised.</summary>
[Collection(TestGpu.Collection)]
public sealed class ChannelParityTests
{
    [Theory, MemberData(nameof(ChannelKernelsTests.Selections), MemberType = typeof(ChannelKernelsTests))]
    public void Selection(int[] sizes, int[] channels)
    {
        const int N = 2, H = 3, W = 4, Pixels = H * W;
        Parity.Check("selection", device =>
        {
            ActivationPart[] parts = [.. sizes.Select((c, i) =>
            {
                ActivationLayout layout = ActivationLayout.Blocked(device, N, c, H, W);
                return new ActivationPart(layout, device.Activation(layout, DeviceData.Uniform(N * c * Pixels, (uint)i + 1)));
            })];
            ActivationLayout output = ActivationLayout.Blocked(device, N, channels.Length, H, W);
            DeviceBuffer<float> y = ChannelKernelsTests.Dirty(device, output);
            ChannelKernels.Select(parts, channels, output, y);
            DeviceData.AssertZeroOutside(output, y, "y");
            Dictionary<string, float[]> results = new() { ["y"] = device.Plain(output, y) };
            ActivationPart dy = new(output, device.Activation(output, DeviceData.Uniform(N * channels.Length * Pixels, 50)));
            for (int part = 0, first = 0; part < sizes.Length; first += sizes[part++])
            {
                ActivationLayout layout = parts[part].Layout;
                DeviceBuffer<float> dx = ChannelKernelsTests.Dirty(device, layout);
                ChannelKernels.SelectBackward(dy, channels, first, layout, dx);
                DeviceData.AssertZeroOutside(layout, dx, $"dx {part}");
                results[$"dx {part}"] = device.Plain(layout, dx);
            }
            return results;
        });
    }

    [Theory, MemberData(nameof(ActivationParityTests.Shapes), MemberType = typeof(ActivationParityTests))]
    public void Arithmetic(int n, int c, int h, int w)
    {
        // Positive, so that no sum nearly cancels.
        float[] x = DeviceData.Uniform(n * c * h * w, 1), dy = DeviceData.Uniform(n * c * h * w, 2, 0.1f, 1);
        foreach (string values in new[] { "channels", "images", "all" })
            foreach (bool relu in new[] { true, false })
                Parity.Check($"{values}, relu {relu}", device => Run(device, values, relu), 3e-6);

        Dictionary<string, float[]> Run(Device device, string values, bool relu)
        {
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            DeviceBuffer<float> xb = device.Activation(layout, x), dyb = device.Activation(layout, dy);
            DeviceBuffer<float> y = device.Allocate<float>(layout.Length);
            DeviceBuffer<float> sloped = device.Allocate<float>(layout.Length), dx = device.Allocate<float>(layout.Length);
            DeviceBuffer<float> dSloped = device.Allocate<float>(layout.Length), moved = device.Allocate<float>(layout.Length);
            ChannelValues scale = Values(3, true), shift = Values(4, true), dscale = Values(0, false), dshift = Values(0, false);
            ChannelValues dslope = Values(0, false), dterm = Values(0, false);
            ChannelArithmeticKernels.Affine(layout, xb, scale, shift, relu, y);
            ChannelArithmeticKernels.AffineBackward(layout, dyb, relu ? y : null, xb, scale, dx, dscale, dshift);
            ChannelArithmeticKernels.Affine(layout, xb, null, shift, false, moved);
            ChannelArithmeticKernels.AffineBackward(layout, dyb, null, null, null, null, null, dterm);
            ChannelArithmeticKernels.PRelu(layout, xb, scale, sloped);
            ChannelArithmeticKernels.PReluBackward(layout, dyb, xb, scale, dSloped, dslope);
            foreach (DeviceBuffer<float> made in new[] { y, sloped, dx, dSloped, moved })
                DeviceData.AssertZeroOutside(layout, made, "made");
            return new()
            {
                ["y"] = device.Plain(layout, y),
                ["dx"] = device.Plain(layout, dx),
                ["dscale"] = dscale.Data.ToArray(),
                ["dshift"] = dshift.Data.ToArray(),
                ["moved"] = device.Plain(layout, moved),
                ["dterm"] = dterm.Data.ToArray(),
                ["sloped"] = device.Plain(layout, sloped),
                ["gradient of sloped"] = device.Plain(layout, dSloped),
                ["dslope"] = dslope.Data.ToArray(),
            };

            ChannelValues Values(uint stream, bool filled)
            {
                int length = values switch { "channels" => c, "images" => n * c, _ => 1 };
                DeviceBuffer<float> data = filled
                    ? device.Upload<float>(DeviceData.Uniform(length, stream))
                    : device.Allocate<float>(length);
                return values switch
                {
                    "channels" => ChannelValues.OfChannels(data),
                    "images" => ChannelValues.OfImages(data, c),
                    _ => ChannelValues.OfAll(data),
                };
            }
        }
    }

    [Theory, MemberData(nameof(ActivationParityTests.Shapes), MemberType = typeof(ActivationParityTests))]
    public void LayerNorm(int n, int c, int h, int w)
    {
        float[] x = DeviceData.Uniform(n * c * h * w, 1), dy = DeviceData.Uniform(n * c * h * w, 2);
        foreach (bool affine in new[] { true, false })
            Parity.Check($"affine {affine}", device => Run(device, affine), 3e-6);

        Dictionary<string, float[]> Run(Device device, bool affine)
        {
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            DeviceBuffer<float>? scale = affine ? device.Upload<float>(DeviceData.Uniform(c, 3)) : null;
            DeviceBuffer<float>? bias = affine ? device.Upload<float>(DeviceData.Uniform(c, 4)) : null;
            DeviceBuffer<float> mean = device.Allocate<float>(LayerNormKernels.PixelsOf(layout));
            DeviceBuffer<float> inverseStd = device.Allocate<float>(mean.Length), xb = device.Activation(layout, x);
            DeviceBuffer<float> y = ChannelKernelsTests.Dirty(device, layout), dx = ChannelKernelsTests.Dirty(device, layout);
            DeviceBuffer<float> dscale = device.Allocate<float>(c), dbias = device.Allocate<float>(c);
            LayerNormKernels.Forward(layout, xb, scale, bias, 1e-3f, mean, inverseStd, y);
            DeviceData.AssertZeroOutside(layout, y, "y");
            LayerNormKernels.Backward(layout, device.Activation(layout, dy), xb, scale, mean, inverseStd, dx, dscale, dbias);
            DeviceData.AssertZeroOutside(layout, dx, "dx");
            return new()
            {
                ["y"] = device.Plain(layout, y),
                ["dx"] = device.Plain(layout, dx),
                ["dscale"] = dscale.ToArray(),
                ["dbias"] = dbias.ToArray(),
            };
        }
    }
}
