using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// The small MNIST network of the adversarial-training literature for 28×28 images (Carlini &amp; Wagner 2017; TRADES): 3×3 convolutions
/// without padding 32-32-pool-64-64-pool, then fully connected layers 200-200-classes. The latent is the flattened output of the
/// convolutions, 1,024 values.
/// </summary>
public sealed class SmallCnn : INetwork
{
    /// <summary>Height and width of the images that it accepts.</summary>
    public const int ImageSize = 28;

    private readonly ConvLayer conv1, conv2, conv3, conv4;
    private readonly LinearLayer fc1, fc2, fc3;
    private readonly Activation activation;

    /// <summary>Creates the network.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    public SmallCnn(ParameterSet parameters, NetworkSettings settings)
    {
        activation = settings.Activation;
        conv1 = ConvLayer.WithBias(parameters, "feature_extractor.conv1", settings.Channels, 32, 3, 1, 0);
        conv2 = ConvLayer.WithBias(parameters, "feature_extractor.conv2", 32, 32, 3, 1, 0);
        conv3 = ConvLayer.WithBias(parameters, "feature_extractor.conv3", 32, 64, 3, 1, 0);
        conv4 = ConvLayer.WithBias(parameters, "feature_extractor.conv4", 64, 64, 3, 1, 0);
        fc1 = new LinearLayer(parameters, "classifier.fc1", 1024, 200);
        fc2 = new LinearLayer(parameters, "classifier.fc2", 200, 200);
        fc3 = new LinearLayer(parameters, "classifier.fc3", 200, settings.Classes);
    }

    (int Height, int Width)? INetwork.ImageSize => (ImageSize, ImageSize);

    /// <inheritdoc/>
    public int LatentSize => fc1.Inputs;

    /// <inheritdoc/>
    public string HeadPrefix => "classifier.";

    /// <inheritdoc/>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        x = Convolved(conv2, Convolved(conv1, x)).MaxPool2d(2, 2);
        stage?.Invoke("feature_extractor.conv2", x);
        Tensor latent = Convolved(conv4, Convolved(conv3, x)).MaxPool2d(2, 2).Flatten();
        return new(latent, fc3.Forward(fc2.Forward(fc1.Forward(latent).Activate(activation)).Activate(activation)));

        Tensor Convolved(ConvLayer layer, Tensor y) => layer.Forward(y, mode, activation: activation);
    }
}
