using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Weights;

namespace Ascl.Models;

/// <summary>What a classifier is made of: enough, with its weights, to make it again.</summary>
/// <param name="Network">A name of <see cref="NetworkCatalog"/>.</param>
/// <param name="Channels">Of the images.</param>
/// <param name="Classes">Number of logits.</param>
/// <param name="Mean">Input normalisation, a value a channel; empty for none.</param>
/// <param name="Std">Likewise.</param>
/// <param name="ProjectionSize">Length of the projected latent of the contrastive objectives; 0 without a projection head.</param>
/// <param name="Activation">Of the network; files of before there was a choice do not name it.</param>
/// <param name="ClassNames">Names of the classes in the order of the logits; null where they are not known.</param>
public sealed record ClassifierSpec(string Network, int Channels, int Classes, float[] Mean, float[] Std, int ProjectionSize = 0,
    Activation Activation = Activation.Relu, IReadOnlyList<string>? ClassNames = null);

/// <summary>
/// A network with its input normalisation as first layer, so that images and attacks live in pixel space [0, 1], and an optional linear projection
/// of the latent for the contrastive objectives.
/// </summary>
public sealed class Classifier
{
    private readonly NetworkFactory create;
    private readonly INetwork network;
    private readonly LinearLayer? projection;

    /// <param name="device">Where its tensors live.</param>
    /// <param name="spec">What to make.</param>
    /// <param name="seed">Of the starting weights; null for none, where weights are about to be loaded.</param>
    public Classifier(Device device, ClassifierSpec spec, ulong? seed = 0)
        : this(device, spec, (parameters, settings) => NetworkCatalog.Create(spec.Network, parameters, settings), seed)
    {
    }

    /// <summary>A classifier with a network that the catalogue does not know.</summary>
    /// <param name="device">Where its tensors live.</param>
    /// <param name="spec">What to make; its network is a name for messages and files.</param>
    /// <param name="create">Makes the network.</param>
    /// <param name="seed">Of the starting weights; null for none, where weights are about to be loaded.</param>
    public Classifier(Device device, ClassifierSpec spec, NetworkFactory create, ulong? seed = 0)
    {
        (Spec, this.create) = (spec, create);
        Parameters = new ParameterSet(device, seed);
        network = create(Parameters, new(spec.Channels, spec.Classes, spec.Activation));
        if (spec.ProjectionSize > 0)
            projection = new LinearLayer(Parameters, "projection", network.LatentSize, spec.ProjectionSize);
    }

    public ClassifierSpec Spec { get; }

    /// <summary>All tensors under their PyTorch names.</summary>
    public ParameterSet Parameters { get; }
    public Device Device => Parameters.Device;

    /// <summary>What its weights were trained against and on; null where that is not known.</summary>
    public Provenance? Provenance { get; set; }

    /// <summary>How the names of the tensors begin that make logits of the latent; what comes before them is the encoder.</summary>
    public string HeadPrefix => network.HeadPrefix;

    /// <summary>Height and width of the images it takes; null for any.</summary>
    public (int Height, int Width)? ImageSize => network.ImageSize;

    /// <summary>Whether there are gradients with respect to the images.</summary>
    public bool HasGradients => network.HasGradients;

    /// <summary>Whether several threads may run it at once, each on images of its own.</summary>
    public bool RunsInPieces => network.RunsInPieces;

    /// <summary>Another classifier of the same structure on the same device, without weights.</summary>
    public Classifier Structure() => new(Device, Spec, create, seed: null);

    /// <summary>Takes over the tensors of another classifier that have a tensor of the same name and shape here.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="except">How the names of those begin that are left out; null for none.</param>
    public void CopyFrom(Classifier source, string? except = null)
    {
        Dictionary<string, Tensor> given = source.Parameters.All.ToDictionary(p => p.Name, p => p.Tensor);
        foreach (NamedTensor own in Parameters.All)
        {
            bool left = except is not null && own.Name.StartsWith(except, StringComparison.Ordinal);
            if (!left && given.TryGetValue(own.Name, out Tensor? tensor) && tensor.Shape == own.Tensor.Shape)
                own.Tensor.Data.CopyFrom(tensor.ToArray());
        }
    }

    /// <param name="images">Plain [N, C, H, W] in [0, 1].</param>
    /// <param name="mode">Which BatchNorm statistics, and whether weights are constants.</param>
    /// <exception cref="ShapeException">The images do not fit the network.</exception>
    /// <param name="stage">Told the name and the output of the stem and of every block on the way; null for nobody.</param>
    public ModelOutput Forward(Tensor images, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        if (images.Shape.Rank != 4 || images.Shape[1] != Spec.Channels)
            throw new ShapeException($"{Spec.Network}: images of {Spec.Channels} channels [N, {Spec.Channels}, H, W] are needed, not {images.Shape}");
        WorkCount.ForwardImages += images.Shape[0];
        return network.Forward(images.Normalize(Spec.Mean, Spec.Std), mode, stage);
    }

    /// <summary>The rows that the contrastive objectives compare: the projected latents, or the latents where there is no head.</summary>
    public Tensor Project(Tensor latent) => projection is null ? latent : projection.Forward(latent);
}
