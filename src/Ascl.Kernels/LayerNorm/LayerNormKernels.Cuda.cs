using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Algorithms;

namespace Ascl.Kernels.LayerNorm;

/// <summary>A warp owns a pixel, whose channels lie side by side. The sums for scale and bias are those of BatchNorm.</summary>
internal static class LayerNormCuda
{
    public static void Forward(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float>? scale, DeviceBuffer<float>? bias,
        float epsilon, DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, DeviceBuffer<float> y) =>
        device.Launch(Normalize, WarpRows.For(layout.N * layout.H * layout.W), Arguments(layout, x, scale, mean, inverseStd) with
        {
            Bias = CudaDevice.View(bias),
            Y = CudaDevice.View(y),
            Epsilon = epsilon,
        });

    public static void Backward(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float>? scale,
        DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, DeviceBuffer<float>? dx, DeviceBuffer<float>? dscale,
        DeviceBuffer<float>? dbias)
    {
        if (dx is not null)
            device.Launch(InputGradient, WarpRows.For(layout.N * layout.H * layout.W), Arguments(layout, x, scale, mean, inverseStd) with
            {
                Dy = CudaDevice.View(dy),
                Y = CudaDevice.View(dx),
            });
        if (dscale is null && dbias is null)
            return;
        DeviceBuffer<float> partial = PixelSums.Partial<Terms>(device, layout, new()
        {
            Work = new(layout),
            X = CudaDevice.View(x),
            Dy = CudaDevice.View(dy),
            Mean = CudaDevice.View(mean),
            InverseStd = CudaDevice.View(inverseStd),
            ByQuads = new(layout.Block / 4),
        }, out int parts);
        device.Launch(FinishParameters, (layout.Block / 4, CudaDevice.GroupSize), new ParameterArguments
        {
            Sums = new() { Partial = CudaDevice.View(partial), Parts = parts, Quads = layout.Block / 4 },
            Dscale = CudaDevice.View(dscale),
            Dbias = CudaDevice.View(dbias),
        });
        device.Pool.Return(partial);
    }

    private static PixelArguments Arguments(
        ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float>? scale, DeviceBuffer<float> mean,
        DeviceBuffer<float> inverseStd) => new()
        {
            X = CudaDevice.View(x),
            Scale = CudaDevice.View(scale),
            Mean = CudaDevice.View(mean),
            InverseStd = CudaDevice.View(inverseStd),
            Pixels = new(layout.N, layout.H, layout.W),
            Columns = layout.W + 2,
            Rows = layout.H + 2,
            Channels = layout.C,
            Block = layout.Block,
            Share = 1f / layout.C,
        };

    internal struct PixelArguments
    {
        /// <summary>Y is the gradient with respect to x in the backward pass. Views of operands that are not given have length 0.</summary>
        public ArrayView<float> X, Dy, Scale, Bias, Mean, InverseStd, Y;
        public PixelNumbers Pixels;
        public int Columns, Rows, Channels, Block;
        public float Epsilon, Share;

        /// <summary>The number of this warp's pixel in the bordered planes.</summary>
        public readonly int Bordered
        {
            get
            {
                // The last warps own no pixel, but take part in the sums of one.
                int row = WarpRows.Row;
                PixelNumbers.Place place = Pixels.Of(row < Pixels.Count ? row : 0);
                return (place.Image * Rows + place.Y + 1) * Columns + place.X + 1;
            }
        }

        public readonly float ScaleOf(int c) => Scale.Length == 0 ? 1 : Scale[c];
    }

    internal static void Normalize(PixelArguments p)
    {
        int pixel = p.Bordered, at = pixel * p.Block;
        float sum = 0;
        for (int c = WarpRows.Lane; c < p.Channels; c += WarpRows.Lanes)
            sum += p.X[at + c];
        float mean = WarpRows.Sum(sum) * p.Share, squares = 0;
        for (int c = WarpRows.Lane; c < p.Channels; c += WarpRows.Lanes)
        {
            float deviation = p.X[at + c] - mean;
            squares += deviation * deviation;
        }
        float inverse = 1 / XMath.Sqrt(WarpRows.Sum(squares) * p.Share + p.Epsilon);
        if (WarpRows.Row >= p.Pixels.Count)
            return;
        for (int c = WarpRows.Lane; c < p.Block; c += WarpRows.Lanes)
        {
            float value = 0;
            if (c < p.Channels)
                value = (p.X[at + c] - mean) * inverse * p.ScaleOf(c) + (p.Bias.Length == 0 ? 0 : p.Bias[c]);
            p.Y[at + c] = value;
        }
        if (WarpRows.Lane == 0)
        {
            p.Mean[pixel] = mean;
            p.InverseStd[pixel] = inverse;
        }
    }

    internal static void InputGradient(PixelArguments p)
    {
        int pixel = p.Bordered, at = pixel * p.Block;
        float mean = p.Mean[pixel], inverse = p.InverseStd[pixel], sum = 0, product = 0;
        for (int c = WarpRows.Lane; c < p.Channels; c += WarpRows.Lanes)
        {
            float g = p.Dy[at + c] * p.ScaleOf(c);
            sum += g;
            product += g * ((p.X[at + c] - mean) * inverse);
        }
        sum = WarpRows.Sum(sum) * p.Share;
        product = WarpRows.Sum(product) * p.Share;
        if (WarpRows.Row >= p.Pixels.Count)
            return;
        for (int c = WarpRows.Lane; c < p.Block; c += WarpRows.Lanes)
        {
            float value = 0;
            if (c < p.Channels)
                value = (p.Dy[at + c] * p.ScaleOf(c) - sum - (p.X[at + c] - mean) * inverse * product) * inverse;
            p.Y[at + c] = value;
        }
    }

    /// <summary>dy·z and dy; a pixel's number in the bordered planes is its address over the quads of a pixel.</summary>
    private readonly struct Terms : IPixelTerms
    {
        public static (Float4 First, Float4 Second) Of(PixelSumsArguments p, int at, int quad)
        {
            int pixel = p.ByQuads.Quotient(at);
            float mean = p.Mean[pixel];
            Float4 dy = p.Dy.Cast<Float4>()[at];
            return (dy * ((p.X.Cast<Float4>()[at] - new Float4(mean, mean, mean, mean)) * p.InverseStd[pixel]), dy);
        }
    }

    internal struct ParameterArguments
    {
        public FinishArguments Sums;
        public ArrayView<float> Dscale, Dbias;
    }

    internal static void FinishParameters(ParameterArguments p)
    {
        (Float4 scale, Float4 bias) = PixelSums.Finish(p.Sums);
        if (Group.IdxX != 0)
            return;
        if (p.Dscale.Length != 0)
            Float4.StorePart(p.Dscale, Grid.IdxX, scale);
        if (p.Dbias.Length != 0)
            Float4.StorePart(p.Dbias, Grid.IdxX, bias);
    }
}
