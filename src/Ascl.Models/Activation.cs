using Ascl.Autograd;
using Ascl.Autograd.Ops;

namespace Ascl.Models;

/// <summary>The function after a convolution or a hidden fully connected layer.</summary>
public enum Activation
{
    /// <summary>max(0, x), computed in the same pass as what comes before it.</summary>
    Relu,

    /// <summary>x·σ(x).</summary>
    Silu,

    /// <summary>log(1 + exp(10·x))/10.</summary>
    Softplus,

    /// <summary>x·Φ(x).</summary>
    Gelu,
}

/// <summary>Applies them.</summary>
public static class Activations
{
    public static Tensor Activate(this Tensor x, Activation activation) => activation switch
    {
        Activation.Relu => x.Relu(),
        Activation.Silu => x.Silu(),
        Activation.Softplus => x.Softplus(),
        _ => x.Gelu(),
    };

    /// <summary>What is computed with ReLU in the same pass (<paramref name="fused"/> is told whether to), then the activation if it is another; null for
    /// none at all.</summary>
    public static Tensor ActivateFused(this Activation? activation, Func<bool, Tensor> fused)
    {
        Tensor y = fused(activation == Activation.Relu);
        return activation is null or Activation.Relu ? y : y.Activate(activation.Value);
    }
}
