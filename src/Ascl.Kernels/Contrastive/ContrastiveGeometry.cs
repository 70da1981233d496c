namespace Ascl.Kernels.Contrastive;

/// <summary>One contrastive loss: rows [Rows, Dimension] row by row, compared by a distance at a temperature, pairs chosen by a strategy.</summary>
/// <param name="Temperature">τ in s_ij = −D(h_i, h_j)/τ.</param>
public readonly record struct ContrastiveGeometry(int Rows, int Dimension, SelectionStrategy Strategy, RowDistance Distance, float Temperature)
{
    /// <summary>Floats that the forward pass leaves for the backward pass: for every row i, 2i: log Σ exp s_ik over its selected rows
    /// (infinite for an anchor without positives, which contributes nothing), 2i + 1: 1/|P_i| (0 for such an anchor).</summary>
    public int StateLength => 2 * Rows;

    public override string ToString() => $"[{Rows}, {Dimension}] {Strategy} {Distance} tau {Temperature}";
}
