namespace Ascl.Kernels.Contrastive;

/// <summary>The shape and settings of a contrastive loss.</summary>
/// <param name="Rows">n, natural and adversarial rows together.</param>
/// <param name="Dimension">Coordinates per row.</param>
/// <param name="Strategy">Which pairs count.</param>
/// <param name="Distance">D.</param>
/// <param name="Temperature">τ in s_ij = −D(h_i, h_j)/τ.</param>
public readonly record struct ContrastiveGeometry(
    int Rows, int Dimension, PairSelection Strategy, RowDistance Distance, float Temperature)
{
    /// <summary>Floats that the forward pass saves for the backward pass, three per row i: m_i = max s_ik over its selected rows,
    /// log Σ exp(s_ik − m_i), and 1/|P_i|. An anchor without positives, which contributes nothing, has infinity, 0 and 0.</summary>
    public int StateLength => 3 * Rows;

    /// <summary>For traces and messages.</summary>
    public override string ToString() => $"[{Rows}, {Dimension}] {Strategy} {Distance} tau {Temperature}";
}
