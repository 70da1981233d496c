using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// DenseNet-BC (Huang et al. 2017) for small images: a 3×3 stem without pooling, then four dense blocks, whose layers each put new
/// channels before all earlier ones, and between them transitions that halve channels and image. Tensor names and the order of channels
/// are those of pytorch-cifar: conv1, dense1.0.bn1, dense1.0.conv1, …, trans1.bn, trans1.conv, …, bn, linear.
/// </summary>
public sealed class DenseNet : INetwork
{
    private readonly ConvLayer stem;
    private readonly List<(Layer[] Layers, Transition? Transition)> stages = [];
    private readonly BatchNormLayer finalNorm;
    private readonly LinearLayer linear;
    private readonly Activation activation;

    /// <summary>Creates the network.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="growth">Channels that each layer adds; the stem has twice as many.</param>
    /// <param name="depths">Number of layers of each dense block.</param>
    public DenseNet(ParameterSet parameters, NetworkSettings settings, int growth, ReadOnlySpan<int> depths)
    {
        activation = settings.Activation;
        int channels = 2 * growth;
        stem = ConvLayer.Bare(parameters, "conv1", settings.Channels, channels, 3, 1, 1);
        for (int stage = 0; stage < depths.Length; stage++)
        {
            Layer[] layers = new Layer[depths[stage]];
            for (int i = 0; i < layers.Length; i++, channels += growth)
                layers[i] = new Layer(parameters, $"dense{stage + 1}.{i}", channels, growth);
            bool isLast = stage == depths.Length - 1;
            stages.Add((layers, isLast ? null : new Transition(parameters, $"trans{stage + 1}", channels)));
            channels = isLast ? channels : channels / 2;
        }
        finalNorm = new BatchNormLayer(parameters, "bn", channels);
        linear = new LinearLayer(parameters, "linear", channels, settings.Classes);
    }

    /// <inheritdoc/>
    public int LatentSize => linear.Inputs;

    /// <inheritdoc/>
    public string HeadPrefix => "linear.";

    /// <inheritdoc/>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        x = stem.Forward(x, mode);
        stage?.Invoke("conv1", x);
        for (int i = 0; i < stages.Count; i++)
        {
            foreach (Layer layer in stages[i].Layers)
                x = ChannelOps.ConcatChannels([layer.Forward(x, mode, activation), x]);
            stage?.Invoke($"dense{i + 1}", x);
            if (stages[i].Transition is not { } transition)
                continue;
            x = transition.Forward(x, mode, activation);
            stage?.Invoke($"trans{i + 1}", x);
        }
        Tensor latent = finalNorm.Forward(x, mode, activation).GlobalAveragePool();
        return new(latent, linear.Forward(latent));
    }

    /// <summary>The new channels of one layer: 1×1 to four times the growth, then 3×3, each after BatchNorm and activation.</summary>
    private sealed class Layer(ParameterSet parameters, string name, int inputs, int growth)
    {
        private readonly BatchNormLayer norm = new(parameters, $"{name}.bn1", inputs);
        private readonly ConvLayer narrow =
            ConvLayer.WithNorm(parameters, $"{name}.conv1", $"{name}.bn2", inputs, 4 * growth, 1, 1, 0);
        private readonly ConvLayer grow = ConvLayer.Bare(parameters, $"{name}.conv2", 4 * growth, growth, 3, 1, 1);

        public Tensor Forward(Tensor x, ForwardMode mode, Activation activation)
        {
            Tensor y = narrow.Forward(norm.Forward(x, mode, activation), mode, activation: activation);
            return grow.Forward(y, mode);
        }
    }

    /// <summary>Half of the channels, then the mean of each 2×2 pixels.</summary>
    private sealed class Transition(ParameterSet parameters, string name, int inputs)
    {
        private readonly BatchNormLayer norm = new(parameters, $"{name}.bn", inputs);
        private readonly ConvLayer halve = ConvLayer.Bare(parameters, $"{name}.conv", inputs, inputs / 2, 1, 1, 0);

        public Tensor Forward(Tensor x, ForwardMode mode, Activation activation) =>
            halve.Forward(norm.Forward(x, mode, activation), mode).AveragePool2d(2, 2);
    }
}
