using Ascl.Autograd;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>A latent vector of an image, and the class scores computed from it.</summary>
/// <param name="Latent">[N, D]: what the contrastive objectives compare.</param>
/// <param name="Logits">[N, classes].</param>
public sealed record ModelOutput(Tensor Latent, Tensor Logits);

/// <summary>What any network is told of its task.</summary>
/// <param name="Channels">Of the images.</param>
/// <param name="Classes">Number of logits.</param>
/// <param name="Activation">After convolutions and hidden layers.</param>
public sealed record NetworkSettings(int Channels, int Classes, Activation Activation);

/// <summary>Makes a network.</summary>
/// <param name="parameters">Receives its tensors.</param>
/// <param name="settings">Its task.</param>
public delegate INetwork NetworkFactory(ParameterSet parameters, NetworkSettings settings);

/// <summary>A network from normalised images to latents and logits.</summary>
public interface INetwork
{
    /// <summary>Length of the latent vector.</summary>
    int LatentSize { get; }

    /// <summary>How the names of the tensors begin that make logits of the latent.</summary>
    string HeadPrefix { get; }

    /// <summary>Height and width of the images it takes; null for any.</summary>
    (int Height, int Width)? ImageSize => null;

    /// <summary>Whether there are gradients with respect to the images: not of a network that is only asked for its logits.</summary>
    bool HasGradients => true;

    /// <summary>Whether several threads may run it at once, each on images of its own: not if it remembers anything of a pass, or has threads itself.</summary>
    bool RunsInPieces => true;

    /// <param name="x">Normalised images [N, C, H, W] as planes.</param>
    /// <param name="mode">Which BatchNorm statistics, and whether weights are constants.</param>
    /// <param name="stage">Told the name and the output of the stem and of every block on the way; null for nobody.</param>
    ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null);
}
