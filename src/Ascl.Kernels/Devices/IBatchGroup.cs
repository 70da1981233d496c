namespace Ascl.Kernels.Devices;

/// <summary>Parts of one batch that pass through a network apart from each other and share BatchNorm's statistics
/// (<see cref="Device.WithBatchGroup"/>). All parts must call <see cref="Gather"/> equally often.</summary>
public interface IBatchGroup
{
    /// <summary>Gives every part the values of all parts, in an order that does not depend on who computes them.</summary>
    /// <param name="own">Values of the calling part, as many as every other part gives.</param>
    float[][] Gather(float[] own);

    /// <summary>Keeps an update of running statistics, which is the same for all parts, for later: no part may see it before all have
    /// passed.</summary>
    void Defer(Action update);
}
