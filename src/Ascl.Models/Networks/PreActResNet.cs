using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// Pre-activation residual networks (He et al. 2016, "Identity mappings in deep residual networks") for small images: BatchNorm and
/// activation come before each convolution. There are the two families of public weights:
/// <see cref="PreActResNet(ParameterSet, NetworkSettings, bool)"/> (conv1, layer1.0.bn1, …, linear) and <see cref="Wide"/> (conv1,
/// block1.layer.0.bn1, …, bn1, fc). In both, the shortcut convolution of a block takes the activated input.
/// </summary>
public sealed class PreActResNet : INetwork
{
    private readonly ConvLayer stem;
    private readonly List<Block> blocks = [];
    private readonly BatchNormLayer? finalNorm;
    private readonly LinearLayer linear;
    private readonly Activation activation;

    /// <summary>PreActResNet-18: widths 64-128-256-512, two blocks per stage.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="finalNorm">Whether a BatchNorm "bn" and an activation come before pooling, as in some public code.</param>
    public PreActResNet(ParameterSet parameters, NetworkSettings settings, bool finalNorm)
    {
        activation = settings.Activation;
        stem = ConvLayer.Bare(parameters, "conv1", settings.Channels, 64, 3, 1, 1);
        int inputs = 64;
        for (int stage = 0; stage < 4; stage++)
            for (int i = 0; i < 2; i++)
            {
                int outputs = 64 << stage, stride = stage > 0 && i == 0 ? 2 : 1;
                blocks.Add(new Block(parameters, $"layer{stage + 1}.{i}", "shortcut.0", inputs, outputs, stride));
                inputs = outputs;
            }
        this.finalNorm = finalNorm ? new BatchNormLayer(parameters, "bn", inputs) : null;
        HeadPrefix = "linear.";
        linear = new LinearLayer(parameters, "linear", inputs, settings.Classes);
    }

    private PreActResNet(ParameterSet parameters, NetworkSettings settings, int blocksPerStage, int widen)
    {
        activation = settings.Activation;
        stem = ConvLayer.Bare(parameters, "conv1", settings.Channels, 16, 3, 1, 1);
        int inputs = 16;
        for (int stage = 0; stage < 3; stage++)
            for (int i = 0; i < blocksPerStage; i++)
            {
                int outputs = (16 << stage) * widen, stride = stage > 0 && i == 0 ? 2 : 1;
                blocks.Add(new Block(parameters, $"block{stage + 1}.layer.{i}", "convShortcut", inputs, outputs, stride));
                inputs = outputs;
            }
        finalNorm = new BatchNormLayer(parameters, "bn1", inputs);
        HeadPrefix = "fc.";
        linear = new LinearLayer(parameters, "fc", inputs, settings.Classes);
    }

    /// <summary>WideResNet-depth-widen (Zagoruyko &amp; Komodakis 2016): widths 16-32-64 times <paramref name="widen"/>, (depth − 4)/6
    /// blocks per stage.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="depth">6·n + 4; not checked here.</param>
    /// <param name="widen">The widening factor.</param>
    public static PreActResNet Wide(ParameterSet parameters, NetworkSettings settings, int depth, int widen) =>
        new(parameters, settings, (depth - 4) / 6, widen);

    /// <inheritdoc/>
    public int LatentSize => linear.Inputs;

    /// <inheritdoc/>
    public string HeadPrefix { get; }

    /// <inheritdoc/>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        x = stem.Forward(x, mode);
        stage?.Invoke("conv1", x);
        foreach (Block block in blocks)
        {
            x = block.Forward(x, mode, activation);
            stage?.Invoke(block.Name, x);
        }
        if (finalNorm is not null)
            x = finalNorm.Forward(x, mode, activation);
        Tensor latent = x.GlobalAveragePool();
        return new(latent, linear.Forward(latent));
    }

    private sealed class Block
    {
        private readonly BatchNormLayer norm1;
        private readonly ConvLayer conv1, conv2;
        private readonly ConvLayer? shortcut;

        public Block(ParameterSet parameters, string name, string shortcutName, int inputs, int outputs, int stride)
        {
            Name = name;
            norm1 = new BatchNormLayer(parameters, $"{name}.bn1", inputs);
            conv1 = ConvLayer.WithNorm(parameters, $"{name}.conv1", $"{name}.bn2", inputs, outputs, 3, stride, 1);
            conv2 = ConvLayer.Bare(parameters, $"{name}.conv2", outputs, outputs, 3, 1, 1);
            if (inputs != outputs)
                shortcut = ConvLayer.Bare(parameters, $"{name}.{shortcutName}", inputs, outputs, 1, stride, 0);
        }

        public string Name { get; }

        public Tensor Forward(Tensor x, ForwardMode mode, Activation activation)
        {
            Tensor activated = norm1.Forward(x, mode, activation);
            Tensor identity = shortcut is null ? x : shortcut.Forward(activated, mode);
            return conv2.Forward(conv1.Forward(activated, mode, activation: activation), mode, identity);
        }
    }
}
