namespace Ascl.Models;

/// <summary>How a network is run.</summary>
public enum ForwardMode
{
    /// <summary>BatchNorm with the batch's statistics, which also update the running ones.</summary>
    Train,

    /// <summary>BatchNorm with the running statistics; gradients reach every parameter.</summary>
    Evaluate,

    /// <summary>The function of <see cref="Evaluate"/> with the weights as constants: BatchNorm is folded into the convolutions. For attacks and
    /// predictions.</summary>
    Inference,
}
