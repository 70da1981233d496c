using Ascl.Autograd;
using Ascl.Autograd.Ops;

namespace Ascl.Models;

/// <summary>The nonlinearity after a convolution or a hidden fully connected layer.</summary>
public enum Activation
{
    /// <summary>max(0, x), fused into the op before it.</summary>
    Relu,

    /// <summary>x·σ(x), σ the logistic function.</summary>
    Silu,

    /// <summary>log(1 + exp(10·x))/10: softplus with sharpness 10.</summary>
    Softplus,

    /// <summary>x·Φ(x), Φ the standard normal distribution function.</summary>
    Gelu,

    /// <summary>x where x > 0, else exp(x) − 1.</summary>
    Elu,

    /// <summary>x·tanh(log(1 + exp x)).</summary>
    Mish,
}

/// <summary>Applies an <see cref="Activation"/> to a tensor.</summary>
public static class Activations
{
    /// <summary>The activation of each element; the shape is that of <paramref name="x"/>.</summary>
    public static Tensor Activate(this Tensor x, Activation activation) => activation switch
    {
        Activation.Relu => x.Relu(),
        Activation.Silu => x.Silu(),
        Activation.Softplus => x.Softplus(),
        Activation.Gelu => x.Gelu(),
        Activation.Elu => x.Elu(alpha: 1),
        _ => x.Mish(),
    };

    /// <summary>Runs an op that can end in a fused ReLU, then applies the activation if it is another one.</summary>
    /// <param name="activation">Null for no activation.</param>
    /// <param name="fused">Runs the op; its argument says whether to fuse a ReLU.</param>
    public static Tensor ActivateFused(this Activation? activation, Func<bool, Tensor> fused)
    {
        Tensor y = fused(activation == Activation.Relu);
        return activation is null or Activation.Relu ? y : y.Activate(activation.Value);
    }
}
