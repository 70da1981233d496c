namespace Ascl.Kernels.Contrastive;

/// <summary>One contrastive loss: rows [Rows, Dimension] row by row, compared by a distance at a temperature, pairs chosen by a strategy.</summary>
/// <param name="Temperature">τ in s_ij = −D(h_i, h_j)/τ.</param>
public readonly record struct ContrastiveGeometry(int Rows, int Dimension, SelectionStrategy Strategy, RowDistance Distance, float Temperature)
{
    /// <summary>Floats that the forward pass leaves for the backward pass, three a row i: m_i = max s_ik over its selected rows,
    /// log Σ exp(s_ik − m_i), and 1/|P_i|. An anchor without positives, which contributes nothing, has infinity, 0, 0.</summary>
    public int StateLength => 3 * Rows;

    public override string ToString() => $"[{Rows}, {Dimension}] {Strategy} {Distance} tau {Temperature}";
}
