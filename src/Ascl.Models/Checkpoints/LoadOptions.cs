namespace Ascl.Models.Checkpoints;

/// <summary>Settings of <see cref="ClassifierFile.Load"/> that complete or override what the file's metadata say.</summary>
public sealed record LoadOptions
{
    /// <summary>The network's name (<see cref="Networks.NetworkCatalog"/>); null for the one in the metadata.</summary>
    public string? Network { get; init; }

    /// <summary>Mean and standard deviation of each channel for images in [0, 1], both empty for none; null for those of the metadata, of
    /// tensors such as mu and sigma in the file, or else none.</summary>
    public (float[] Mean, float[] Std)? Normalization { get; init; }

    /// <summary>The network's activation; null for the one in the metadata, or else that of the network in its public code
    /// (<see cref="Networks.NetworkCatalog.ActivationOf"/>).</summary>
    public Activation? Activation { get; init; }

    /// <summary>Receives notes for the user, one line each: tensors that were not loaded, an input normalisation that was found or
    /// overridden. Null discards them.</summary>
    public Action<string>? Note { get; init; }
}
