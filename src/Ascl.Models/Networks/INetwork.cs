using Ascl.Autograd;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>The output of a network for a batch of N images.</summary>
/// <param name="Latent">[N, D], the input of the classification head; the contrastive objectives compare these rows.</param>
/// <param name="Logits">[N, classes].</param>
public sealed record ModelOutput(Tensor Latent, Tensor Logits);

/// <summary>Settings that every network takes.</summary>
/// <param name="Channels">Channels of the images.</param>
/// <param name="Classes">Number of logits.</param>
/// <param name="Activation">Activation after convolutions and hidden layers.</param>
public sealed record NetworkSettings(int Channels, int Classes, Activation Activation);

/// <summary>Creates a network.</summary>
/// <param name="parameters">Receives the network's tensors.</param>
/// <param name="settings">Channels, classes and activation.</param>
public delegate INetwork NetworkFactory(ParameterSet parameters, NetworkSettings settings);

/// <summary>A network that maps normalised images to latents and logits.</summary>
public interface INetwork
{
    /// <summary>Length of the latent vector.</summary>
    int LatentSize { get; }

    /// <summary>Name prefix of the tensors between latent and logits; all others are the encoder's.</summary>
    string HeadPrefix { get; }

    /// <summary>Height and width of the images that the network accepts; null for any.</summary>
    (int Height, int Width)? ImageSize => null;

    /// <summary>Whether gradients with respect to the images are available; false for networks that only return logits.</summary>
    bool HasGradients => true;

    /// <summary>Whether two passes over the same images may give different logits.</summary>
    bool IsStochastic => false;

    /// <summary>Whether several threads may call <see cref="Forward"/> at once, each with its own images; false if a pass keeps state or
    /// the network runs threads of its own.</summary>
    bool RunsInPieces => true;

    /// <summary>Latents and logits of a batch of images.</summary>
    /// <param name="x">Normalised images [N, C, H, W] in the layout of image planes.</param>
    /// <param name="mode">Which statistics BatchNorm uses, and whether the weights are constants.</param>
    /// <param name="stage">Receives the name and the output of the stem and of each block; null for no callback.</param>
    ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null);
}
