using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Onnx;
using Ascl.Models.Onnx.Import;
using Ascl.Models.Weights;

namespace Ascl.Models;

/// <summary>The structure of a classifier: with the weights, enough to rebuild it.</summary>
/// <param name="Network">A name of <see cref="NetworkCatalog"/>.</param>
/// <param name="Channels">Channels of the images.</param>
/// <param name="Classes">Number of logits.</param>
/// <param name="Mean">Input normalisation: mean of each channel, for images in [0, 1]; empty for none.</param>
/// <param name="Std">Input normalisation: standard deviation of each channel; empty for none.</param>
/// <param name="ProjectionSize">Output size of the projection head of the contrastive objectives; 0 for no head.</param>
/// <param name="Activation">The network's activation; older files do not name it and are ReLU.</param>
/// <param name="ClassNames">Names of the classes in the order of the logits; null where they are not known.</param>
public sealed record ClassifierSpec(string Network, int Channels, int Classes, float[] Mean, float[] Std, int ProjectionSize = 0,
    Activation Activation = Activation.Relu, IReadOnlyList<string>? ClassNames = null);

/// <summary>
/// A network with input normalisation as its first layer, so that images and perturbations are in pixel space [0, 1], and an optional
/// linear projection head for the contrastive objectives.
/// </summary>
public sealed class Classifier
{
    private readonly NetworkFactory create;
    private readonly INetwork network;
    private readonly LinearLayer? projection;

    /// <summary>A classifier with a network of <see cref="NetworkCatalog"/>.</summary>
    /// <param name="device">Device of the tensors.</param>
    /// <param name="spec">The structure.</param>
    /// <param name="seed">Seed of the initial weights; null leaves them zero, for weights that are loaded afterwards.</param>
    /// <exception cref="UserErrorException">There is no such network, or it is too large.</exception>
    public Classifier(Device device, ClassifierSpec spec, ulong? seed = 0)
        : this(device, spec, (parameters, settings) => NetworkCatalog.Create(spec.Network, parameters, settings), seed)
    {
    }

    /// <summary>A classifier with a network that <see cref="NetworkCatalog"/> does not list.</summary>
    /// <param name="device">Device of the tensors.</param>
    /// <param name="spec">The structure; <see cref="ClassifierSpec.Network"/> is only used in messages and files.</param>
    /// <param name="create">Creates the network.</param>
    /// <param name="seed">Seed of the initial weights; null leaves them zero, for weights that are loaded afterwards.</param>
    public Classifier(Device device, ClassifierSpec spec, NetworkFactory create, ulong? seed = 0)
    {
        (Spec, this.create) = (spec, create);
        Parameters = new ParameterSet(device, seed);
        network = create(Parameters, new(spec.Channels, spec.Classes, spec.Activation));
        if (spec.ProjectionSize > 0)
            projection = new LinearLayer(Parameters, "projection", network.LatentSize, spec.ProjectionSize);
    }

    /// <summary>A classifier from anybody's ONNX file, with gradients: attacked and differentiated like the built-in networks. BatchNorm
    /// has its stored statistics in every mode.</summary>
    /// <param name="device">Device of the tensors.</param>
    /// <param name="path">An ONNX file with one input, images [N, C, H, W] or [N, H, W, C] in [0, 1], and the logits [N, classes] as its
    /// only output, the one named "logits", or the only one of that shape. A softmax at its end is left off.</param>
    /// <param name="options">What the file does not say; null for nothing.</param>
    /// <exception cref="UserErrorException">The file is damaged, no classifier of images, or has an operator that is not
    /// supported.</exception>
    public static Classifier FromOnnx(Device device, string path, OnnxOptions? options = null) =>
        OnnxImport.Load(device, path, options ?? new());

    /// <summary>The structure that this classifier was created with.</summary>
    public ClassifierSpec Spec { get; }

    /// <summary>All tensors under their PyTorch names.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Device of the tensors; images must be on it, too.</summary>
    public Device Device => Parameters.Device;

    /// <summary>Threat model and training images of the weights; null where they are not known.</summary>
    public Provenance? Provenance { get; set; }

    /// <summary>Name prefix of the tensors between latent and logits; all others are the encoder's.</summary>
    public string HeadPrefix => network.HeadPrefix;

    /// <summary>Length of the latent vector.</summary>
    public int LatentSize => network.LatentSize;

    /// <summary>Height and width of the images that the network accepts; null for any.</summary>
    public (int Height, int Width)? ImageSize => network.ImageSize;

    /// <summary>Whether gradients with respect to the images are available.</summary>
    public bool HasGradients => network.HasGradients;

    /// <summary>Whether two passes over the same images may give different logits.</summary>
    public bool IsStochastic => network.IsStochastic;

    /// <summary>Whether several threads may call <see cref="Forward"/> at once, each with its own images.</summary>
    public bool RunsInPieces => network.RunsInPieces;

    /// <summary>The graph of the ONNX file that the network is from; null for other networks.</summary>
    internal OnnxSource? OnnxSource => (network as OnnxGraphNetwork)?.Source;

    /// <summary>SHA-256 of all tensors in their order, in hexadecimal.</summary>
    public string WeightHash()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (NamedTensor tensor in Parameters.All)
            hash.AppendData(MemoryMarshal.AsBytes<float>(tensor.Tensor.ToArray()));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>A new classifier of the same structure on the same device, with all weights zero.</summary>
    public Classifier Structure() => new(Device, Spec, create, seed: null);

    /// <summary>Copies the tensors of another classifier that have the same name and shape here; others keep their values.</summary>
    /// <param name="source">The classifier to copy from.</param>
    /// <param name="except">Name prefix of tensors that are not copied; null copies all.</param>
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

    /// <summary>Latents and logits of a batch of images.</summary>
    /// <param name="images">[N, C, H, W] in [0, 1], not normalised.</param>
    /// <param name="mode">Which statistics BatchNorm uses, and whether the weights are constants.</param>
    /// <param name="stage">Receives the name and the output of the stem and of each block; null for no callback.</param>
    /// <exception cref="ShapeException">The images have another rank or number of channels than the network takes, or the network returns
    /// latents or logits of another shape than [N, <see cref="LatentSize"/>] and [N, <see cref="ClassifierSpec.Classes"/>].</exception>
    public ModelOutput Forward(Tensor images, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        if (images.Shape.Rank != 4 || images.Shape[1] != Spec.Channels)
        {
            throw new ShapeException(
                $"{Spec.Network}: images of {Spec.Channels} channels [N, {Spec.Channels}, H, W] are needed, not {images.Shape}");
        }
        WorkCount.ForwardImages += images.Shape[0];
        ModelOutput output = network.Forward(images.Normalize(Spec.Mean, Spec.Std), mode, stage);
        Require("latents", output?.Latent, new(images.Shape[0], LatentSize));
        Require("logits", output?.Logits, new(images.Shape[0], Spec.Classes));
        return output!;
    }

    private void Require(string what, Tensor? returned, Shape needed)
    {
        if (returned?.Shape == needed)
            return;
        string given = returned is null ? $"no {what}" : $"{what} {returned.Shape}";
        throw new ShapeException($"{Spec.Network} returned {given}; {needed} are needed");
    }

    /// <summary>The rows that the contrastive objectives compare: the projection [N, <see cref="ClassifierSpec.ProjectionSize"/>] of
    /// latents [N, D], or the latents themselves without a projection head.</summary>
    public Tensor Project(Tensor latent) => projection is null ? latent : projection.Forward(latent);
}
