using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Layout;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// VGG (Simonyan &amp; Zisserman 2015) with BatchNorm for images of 32×32 pixels: five stages of 3×3 convolutions of widths
/// 64-128-256-512-512, each followed by max-pooling, and one linear layer. Tensor names are those of pytorch-cifar: features.0,
/// features.1, …, classifier, where ReLU and pooling take numbers, too.
/// </summary>
public sealed class Vgg : INetwork
{
    /// <summary>Height and width of the images that it accepts: five poolings leave one pixel.</summary>
    public const int ImageSize = 32;

    private static readonly int[] Widths = [64, 128, 256, 512, 512];

    private readonly List<(ConvLayer[] Convolutions, string Pool)> stages = [];
    private readonly LinearLayer linear;
    private readonly Activation activation;

    /// <summary>Creates the network.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="depths">Number of convolutions of each of the five stages.</param>
    public Vgg(ParameterSet parameters, NetworkSettings settings, ReadOnlySpan<int> depths)
    {
        activation = settings.Activation;
        int inputs = settings.Channels, number = 0;
        for (int stage = 0; stage < Widths.Length; stage++)
        {
            ConvLayer[] convolutions = new ConvLayer[depths[stage]];
            for (int i = 0; i < convolutions.Length; i++)
            {
                convolutions[i] = ConvLayer.WithNorm(parameters, $"features.{number}", $"features.{number + 1}", inputs, Widths[stage],
                    new Window2d(3, 3, 1, 1, 1, 1, 1, 1), hasBias: true);
                (inputs, number) = (Widths[stage], number + 3);
            }
            stages.Add((convolutions, $"features.{number++}"));
        }
        linear = new LinearLayer(parameters, "classifier", inputs, settings.Classes);
    }

    (int Height, int Width)? INetwork.ImageSize => (ImageSize, ImageSize);

    /// <inheritdoc/>
    public int LatentSize => linear.Inputs;

    /// <inheritdoc/>
    public string HeadPrefix => "classifier.";

    /// <inheritdoc/>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        foreach (var (convolutions, pool) in stages)
        {
            foreach (ConvLayer convolution in convolutions)
                x = convolution.Forward(x, mode, activation: activation);
            x = x.MaxPool2d(2, 2);
            stage?.Invoke(pool, x);
        }
        Tensor latent = x.Flatten();
        return new(latent, linear.Forward(latent));
    }
}
