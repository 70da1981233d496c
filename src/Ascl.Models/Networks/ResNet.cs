using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// Residual networks for small images (He et al. 2016, "Deep residual learning"): a 3×3 stem without max-pooling, then stages of residual
/// blocks. Every stage but the first begins with stride 2; shortcuts are 1×1 convolutions where the shape changes. Tensor names are those
/// of pytorch-cifar: conv1, bn1, layer1.0.conv1, …, layer2.0.shortcut.0, …, linear.
/// </summary>
public sealed class ResNet : INetwork
{
    private readonly ConvLayer stem;
    private readonly List<Block> blocks = [];
    private readonly LinearLayer linear;
    private readonly Activation activation;

    /// <summary>A residual network of any size.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="widths">Channels of each stage.</param>
    /// <param name="depths">Number of blocks of each stage.</param>
    /// <param name="bottleneck">Blocks of 1×1, 3×3 and 1×1 convolutions with four times the width as output (ResNet-50) instead of two
    /// 3×3.</param>
    /// <param name="hasPlainShortcuts">Whether shortcuts have no weights where the shape changes (the paper's option A): every second
    /// pixel, with half of the new channels, which are zero, before the others and half behind them.</param>
    public ResNet(
        ParameterSet parameters, NetworkSettings settings, ReadOnlySpan<int> widths, ReadOnlySpan<int> depths, bool bottleneck = false,
        bool hasPlainShortcuts = false)
    {
        activation = settings.Activation;
        stem = ConvLayer.WithNorm(parameters, "conv1", "bn1", settings.Channels, widths[0], 3, 1, 1);
        int inputs = widths[0], outputs = inputs;
        for (int stage = 0; stage < widths.Length; stage++)
            for (int i = 0; i < depths[stage]; i++)
            {
                int stride = stage > 0 && i == 0 ? 2 : 1;
                outputs = widths[stage] * (bottleneck ? 4 : 1);
                blocks.Add(new Block(parameters, $"layer{stage + 1}.{i}", inputs, widths[stage], outputs, stride, bottleneck,
                    hasPlainShortcuts));
                inputs = outputs;
            }
        linear = new LinearLayer(parameters, "linear", outputs, settings.Classes);
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
        Tensor latent = x.GlobalAveragePool();
        return new(latent, linear.Forward(latent));
    }

    private sealed class Block
    {
        private readonly ConvLayer[] path;
        private readonly Func<Tensor, ForwardMode, Tensor> shortcut = (x, _) => x;

        public Block(ParameterSet parameters, string name, int inputs, int width, int outputs, int stride, bool bottleneck, bool isPlain)
        {
            Name = name;
            ConvLayer Part(int number, int from, int to, int kernel, int step) =>
                ConvLayer.WithNorm(parameters, $"{name}.conv{number}", $"{name}.bn{number}", from, to, kernel, step, kernel / 2);
            path = bottleneck
                ? [Part(1, inputs, width, 1, 1), Part(2, width, width, 3, stride), Part(3, width, outputs, 1, 1)]
                : [Part(1, inputs, width, 3, stride), Part(2, width, outputs, 3, 1)];
            if (stride == 1 && inputs == outputs)
                return;
            if (isPlain)
            {
                Tensor copies = Copies(parameters, inputs, outputs);
                shortcut = (x, _) => x.Conv2d(copies, null, stride, 0);
            }
            else
            {
                ConvLayer projection =
                    ConvLayer.WithNorm(parameters, $"{name}.shortcut.0", $"{name}.shortcut.1", inputs, outputs, 1, stride, 0);
                shortcut = (x, mode) => projection.Forward(x, mode);
            }
        }

        public string Name { get; }

        public Tensor Forward(Tensor x, ForwardMode mode, Activation activation)
        {
            Tensor y = x;
            foreach (ConvLayer part in path[..^1])
                y = part.Forward(y, mode, activation: activation);
            return path[^1].Forward(y, mode, shortcut(x, mode), activation);
        }

        /// <summary>Weights of a 1×1 convolution that copies its inputs to the middle of its outputs.</summary>
        private static Tensor Copies(ParameterSet parameters, int inputs, int outputs)
        {
            float[] weights = new float[outputs * inputs];
            for (int c = 0; c < inputs; c++)
                weights[((outputs - inputs) / 2 + c) * inputs + c] = 1;
            // Only inputs with a gradient are recorded, and exported.
            return Tensor.FromArray(parameters.Device, new(outputs, inputs, 1, 1), weights, requiresGrad: true);
        }
    }
}
