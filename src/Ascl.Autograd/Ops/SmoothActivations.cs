using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Autograd.Ops;

/// <summary>Activation functions with a derivative everywhere (Xie et al. 2020, "Smooth adversarial training").</summary>
public static class SmoothActivationOps
{
    /// <summary>The sharpness of Softplus, as in the paper; larger is closer to ReLU.</summary>
    public const float SoftplusSharpness = 10;

    /// <summary>x·σ(x).</summary>
    public static Tensor Silu(this Tensor x) => Apply("silu", x, ElementwiseKernels.Silu, ElementwiseKernels.SiluBackward);

    /// <summary>x·Φ(x), Φ the normal distribution function.</summary>
    public static Tensor Gelu(this Tensor x) => Apply("gelu", x, ElementwiseKernels.Gelu, ElementwiseKernels.GeluBackward);

    /// <summary>log(1 + exp(10·x))/10.</summary>
    public static Tensor Softplus(this Tensor x)
    {
        return Apply("softplus", x, Forward, (dy, at, dx) => ElementwiseKernels.SoftplusBackward(dy, at, SoftplusSharpness, dx));

        void Forward(DeviceBuffer<float> from, DeviceBuffer<float> to)
        {
            ElementwiseKernels.Softplus(from, SoftplusSharpness, to);
            if (x.Layout != TensorLayout.Plain)
                ActivationKernels.ClearOutside(x.ActivationLayout, to);
        }
    }

    private static Tensor Apply(
        string op, Tensor x, Action<DeviceBuffer<float>, DeviceBuffer<float>> forward,
        Action<DeviceBuffer<float>, DeviceBuffer<float>, DeviceBuffer<float>> backward)
    {
        Tensor y = Tensor.EmptyLike(x);
        forward(x.Data, y.Data);
        return y.Record(op, (x, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(x);
            backward(dy.Data, x.Data, dx.Data);
            return dx;
        }
    }
}
