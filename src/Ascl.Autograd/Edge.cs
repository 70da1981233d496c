namespace Ascl.Autograd;

/// <summary>The gradient of the output with respect to one input of an op, from that with respect to the op's result.</summary>
public delegate Tensor Vjp(Tensor dy);

/// <summary>A <see cref="Vjp"/> that saves passes over memory by doing what <paramref name="fusion"/> says on its way.</summary>
public delegate Tensor FusedVjp(Tensor dy, Fusion fusion);

/// <summary>What the walk over the graph knows and asks of a backward pass: the gradient is to be (dx + Addend), 0 where Gate ≤ 0.</summary>
/// <param name="Masked">dy is already 0 where the op's own ReLU was: see <see cref="Tensor.Rectified"/>.</param>
/// <param name="Addend">The input's gradient along other paths, or null. Not to be changed.</param>
/// <param name="Gate">The input itself where a ReLU made it and this is the last of its gradients, or null.</param>
public readonly record struct Fusion(bool Masked, Tensor? Addend = null, Tensor? Gate = null);

/// <summary>From an op's result to one of its inputs.</summary>
/// <param name="Input">The input.</param>
/// <param name="Vjp">Its gradient.</param>
/// <param name="Fuses">Whether Vjp can add and gate; it is not asked to otherwise.</param>
public readonly record struct Edge(Tensor Input, FusedVjp Vjp, bool Fuses)
{
    public Edge(Tensor input, Vjp vjp) : this(input, (dy, _) => vjp(dy), false)
    {
    }

    public static implicit operator Edge((Tensor Input, Vjp Vjp) edge) => new(edge.Input, edge.Vjp);
}
