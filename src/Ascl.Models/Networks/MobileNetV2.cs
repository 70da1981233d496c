using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Layout;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// MobileNetV2 (Sandler et al. 2018) for small images: blocks that widen by a 1×1 convolution, filter each channel by itself, and narrow
/// by another 1×1 convolution without an activation. Tensor names, and the strides for 32×32 pixels, are those of pytorch-cifar: conv1,
/// bn1, layers.0.conv1, …, layers.0.shortcut.0, …, conv2, bn2, linear. Blocks of stride 1 have a shortcut, a convolution where the width
/// changes.
/// </summary>
public sealed class MobileNetV2 : INetwork
{
    /// <summary>Expansion, outputs, number of blocks, and stride of the first one of each stage.</summary>
    private static readonly (int Expansion, int Outputs, int Blocks, int Stride)[] Stages =
    [
        (1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ];

    private readonly ConvLayer stem, last;
    private readonly List<Block> blocks = [];
    private readonly LinearLayer linear;
    private readonly Activation activation;

    /// <summary>Creates the network.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    public MobileNetV2(ParameterSet parameters, NetworkSettings settings)
    {
        activation = settings.Activation;
        stem = ConvLayer.WithNorm(parameters, "conv1", "bn1", settings.Channels, 32, 3, 1, 1);
        int inputs = 32;
        foreach (var (expansion, outputs, count, stride) in Stages)
            for (int i = 0; i < count; i++)
            {
                blocks.Add(new Block(parameters, $"layers.{blocks.Count}", inputs, expansion * inputs, outputs, i == 0 ? stride : 1));
                inputs = outputs;
            }
        last = ConvLayer.WithNorm(parameters, "conv2", "bn2", inputs, 1280, 1, 1, 0);
        linear = new LinearLayer(parameters, "linear", 1280, settings.Classes);
    }

    /// <inheritdoc/>
    public int LatentSize => linear.Inputs;

    /// <inheritdoc/>
    public string HeadPrefix => "linear.";

    /// <inheritdoc/>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        x = stem.Forward(x, mode, activation: activation);
        stage?.Invoke("conv1", x);
        foreach (Block block in blocks)
        {
            x = block.Forward(x, mode, activation);
            stage?.Invoke(block.Name, x);
        }
        x = last.Forward(x, mode, activation: activation);
        stage?.Invoke("conv2", x);
        Tensor latent = x.GlobalAveragePool();
        return new(latent, linear.Forward(latent));
    }

    private sealed class Block
    {
        private readonly ConvLayer widen, filter, narrow;
        private readonly ConvLayer? shortcut;
        private readonly bool isResidual;

        public Block(ParameterSet parameters, string name, int inputs, int width, int outputs, int stride)
        {
            (Name, isResidual) = (name, stride == 1);
            widen = ConvLayer.WithNorm(parameters, $"{name}.conv1", $"{name}.bn1", inputs, width, 1, 1, 0);
            filter = ConvLayer.WithNorm(parameters, $"{name}.conv2", $"{name}.bn2", width, width,
                new Window2d(3, 3, stride, stride, 1, 1, 1, 1), groups: width);
            narrow = ConvLayer.WithNorm(parameters, $"{name}.conv3", $"{name}.bn3", width, outputs, 1, 1, 0);
            if (isResidual && inputs != outputs)
                shortcut = ConvLayer.WithNorm(parameters, $"{name}.shortcut.0", $"{name}.shortcut.1", inputs, outputs, 1, 1, 0);
        }

        public string Name { get; }

        public Tensor Forward(Tensor x, ForwardMode mode, Activation activation)
        {
            Tensor? identity = !isResidual ? null : shortcut is null ? x : shortcut.Forward(x, mode);
            Tensor y = filter.Forward(widen.Forward(x, mode, activation: activation), mode, activation: activation);
            return narrow.Forward(y, mode, identity);
        }
    }
}
