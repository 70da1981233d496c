namespace Ascl.Models;

/// <summary>The mode of a forward pass.</summary>
public enum ForwardMode
{
    /// <summary>BatchNorm uses the batch's statistics and updates the running ones.</summary>
    Train,

    /// <summary>BatchNorm uses the running statistics; gradients reach every parameter.</summary>
    Evaluate,

    /// <summary>Computes what <see cref="Evaluate"/> does, with constant weights and BatchNorm folded into the convolutions. For attacks
    /// and predictions.</summary>
    Inference,
}
