namespace Ascl.Autograd;

/// <summary>
/// A vector–Jacobian product: from the gradient with respect to an op's result, <paramref name="dy"/>, to that with respect to one of its
/// inputs.
/// </summary>
public delegate Tensor Vjp(Tensor dy);

/// <summary>A <see cref="Vjp"/> that also does what <paramref name="fusion"/> asks for, which saves passes over memory.</summary>
public delegate Tensor FusedVjp(Tensor dy, Fusion fusion);

/// <summary>What the backward walk requests of an op: the gradient should be dx + Addend, and 0 where Gate ≤ 0.</summary>
/// <param name="Masked">Whether dy is already masked by the op's own ReLU: see <see cref="Tensor.Rectified"/>.</param>
/// <param name="Addend">The input's gradient along other paths, or null. Must not be modified.</param>
/// <param name="Gate">The input itself, if it is the output of a ReLU and this is the last of its gradients; else null.</param>
public readonly record struct Fusion(bool Masked, Tensor? Addend = null, Tensor? Gate = null);

/// <summary>An edge of the graph, from an op's result to one of its inputs.</summary>
/// <param name="Input">The input.</param>
/// <param name="Vjp">Computes its gradient.</param>
/// <param name="Fuses">Whether Vjp can add and gate; if not, Addend and Gate are null.</param>
public readonly record struct Edge(Tensor Input, FusedVjp Vjp, bool Fuses)
{
    /// <summary>An edge whose gradient fuses nothing.</summary>
    public Edge(Tensor input, Vjp vjp) : this(input, (dy, _) => vjp(dy), false)
    {
    }

    /// <summary>An edge whose gradient fuses nothing.</summary>
    public static implicit operator Edge((Tensor Input, Vjp Vjp) edge) => new(edge.Input, edge.Vjp);
}
