namespace Ascl.Models.Checkpoints;

/// <summary>What is known of weights besides their file; what is left out the file has to say itself, as ours do.</summary>
public sealed record LoadOptions
{
    /// <summary>The network's name (<see cref="Networks.NetworkCatalog"/>); null for what the file says.</summary>
    public string? Network { get; init; }

    /// <summary>Mean and standard deviation a channel of the input layer, both empty for none; null for what the file says, in its metadata
    /// or as tensors such as mu and sigma, or else none.</summary>
    public (float[] Mean, float[] Std)? Normalization { get; init; }

    /// <summary>Of the network; null for what the file says, or ReLU.</summary>
    public Activation? Activation { get; init; }

    /// <summary>Told, a line each, what a user should know: tensors left out, an input normalisation found or overruled. Null for nobody.</summary>
    public Action<string>? Note { get; init; }
}
