using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Layout;
using Ascl.Models.Layers;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>
/// Pre-activation residual networks (He et al. 2016, "Identity mappings in deep residual networks") for small images: BatchNorm and
/// activation come before each convolution, and a block whose shape changes has a convolution as its shortcut. There are four families of
/// public weights, which differ in names, in what the shortcut takes, and in the padding at stride 2:
/// <see cref="PreActResNet(ParameterSet, NetworkSettings, ReadOnlySpan{int}, bool, bool)"/> (conv1, layer1.0.bn1, …, linear),
/// <see cref="Wide"/> (conv1, block1.layer.0.bn1, …, bn1, fc), <see cref="WideSwish"/> (init_conv, layer.0.block.0.batchnorm_0, …,
/// batchnorm, logits) and <see cref="Swish"/> (conv_2d, layer_0.0.batchnorm_0, …, batchnorm, logits).
/// </summary>
public sealed class PreActResNet : INetwork
{
    private static readonly int[] UsualWidths = [64, 128, 256, 512];

    private readonly Form form;
    private readonly ConvLayer stem;
    private readonly List<Block> blocks = [];
    private readonly BatchNormLayer? finalNorm;
    private readonly LinearLayer linear;
    private readonly Activation activation;

    /// <summary>PreActResNet of pytorch-cifar: widths 64-128-256-512. The shortcut takes the activated input.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="depths">Number of blocks of each of the four stages.</param>
    /// <param name="bottleneck">Blocks of 1×1, 3×3 and 1×1 convolutions with four times the width as output (PreActResNet-50) instead of
    /// two 3×3.</param>
    /// <param name="finalNorm">Whether a BatchNorm "bn" and an activation come before pooling, as in some public code.</param>
    public PreActResNet(
        ParameterSet parameters, NetworkSettings settings, ReadOnlySpan<int> depths, bool bottleneck = false, bool finalNorm = false)
        : this(parameters, settings, Form.Cifar with { FinalNorm = finalNorm ? "bn" : null }, 64, UsualWidths, depths, bottleneck)
    {
    }

    private PreActResNet(ParameterSet parameters, NetworkSettings settings, Form form, int stemWidth, ReadOnlySpan<int> widths,
        ReadOnlySpan<int> depths, bool bottleneck = false)
    {
        (this.form, activation) = (form, settings.Activation);
        stem = ConvLayer.Bare(parameters, form.Stem, settings.Channels, stemWidth, 3, 1, 1);
        int inputs = stemWidth;
        for (int stage = 0; stage < widths.Length; stage++)
            for (int i = 0; i < depths[stage]; i++)
            {
                int stride = stage > 0 && i == 0 ? 2 : 1, outputs = widths[stage] * (bottleneck ? 4 : 1);
                blocks.Add(new Block(parameters, form, form.Block(stage, i), inputs, widths[stage], outputs, stride, bottleneck));
                inputs = outputs;
            }
        finalNorm = form.FinalNorm is { } name ? new BatchNormLayer(parameters, name, inputs) : null;
        linear = new LinearLayer(parameters, form.Head, inputs, settings.Classes);
    }

    /// <summary>WideResNet-depth-widen (Zagoruyko &amp; Komodakis 2016): widths 16-32-64 times <paramref name="widen"/>, (depth − 4)/6
    /// blocks per stage.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="depth">6·n + 4; not checked here.</param>
    /// <param name="widen">The widening factor.</param>
    public static PreActResNet Wide(ParameterSet parameters, NetworkSettings settings, int depth, int widen) =>
        Widened(parameters, settings, depth, widen, Form.Wide);

    /// <summary><see cref="Wide"/> as in the code of Gowal et al. 2020, which trainings on generated images use: other names, and
    /// convolutions of stride 2 pad only below and to the right.</summary>
    /// <inheritdoc cref="Wide"/>
    public static PreActResNet WideSwish(ParameterSet parameters, NetworkSettings settings, int depth, int widen) =>
        Widened(parameters, settings, depth, widen, Form.WideSwish);

    /// <summary>PreActResNet-18 and -34 as in the code of Rebuffi et al. 2021: a shortcut is a 3×3 convolution of the input before
    /// BatchNorm, and convolutions of stride 2 pad only below and to the right.</summary>
    /// <param name="parameters">Receives the tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <param name="depths">Number of blocks of each of the four stages.</param>
    public static PreActResNet Swish(ParameterSet parameters, NetworkSettings settings, ReadOnlySpan<int> depths) =>
        new(parameters, settings, Form.Swish, 64, UsualWidths, depths);

    private static PreActResNet Widened(ParameterSet parameters, NetworkSettings settings, int depth, int widen, Form form)
    {
        int blocks = (depth - 4) / 6;
        return new(parameters, settings, form, 16, [16 * widen, 32 * widen, 64 * widen], [blocks, blocks, blocks]);
    }

    /// <inheritdoc/>
    public int LatentSize => linear.Inputs;

    /// <inheritdoc/>
    public string HeadPrefix => $"{form.Head}.";

    /// <inheritdoc/>
    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        x = stem.Forward(x, mode);
        stage?.Invoke(form.Stem, x);
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

    /// <summary>What families of public code do differently.</summary>
    /// <param name="Stem">Name of the first convolution.</param>
    /// <param name="Block">Name of a block, by its stage and its number there, both from 0.</param>
    /// <param name="Norm">Name of a block's nth BatchNorm, from 1.</param>
    /// <param name="Conv">Name of a block's nth convolution, from 1.</param>
    /// <param name="Shortcut">Name of a block's shortcut.</param>
    /// <param name="FinalNorm">Name of the BatchNorm before pooling; null for none.</param>
    /// <param name="Head">Name of the last layer.</param>
    /// <param name="PadsBehind">Whether padding at stride 2 is only below and to the right.</param>
    /// <param name="ShortcutKernel">Side of the shortcut's kernel.</param>
    /// <param name="ShortcutOfInput">Whether the shortcut takes the block's input instead of the activated one.</param>
    private sealed record Form(
        string Stem, Func<int, int, string> Block, Func<int, string> Norm, Func<int, string> Conv, string Shortcut, string? FinalNorm,
        string Head, bool PadsBehind = false, int ShortcutKernel = 1, bool ShortcutOfInput = false)
    {
        public static Form Cifar { get; } =
            new("conv1", (stage, i) => $"layer{stage + 1}.{i}", n => $"bn{n}", n => $"conv{n}", "shortcut.0", null, "linear");

        public static Form Wide { get; } =
            new("conv1", (stage, i) => $"block{stage + 1}.layer.{i}", n => $"bn{n}", n => $"conv{n}", "convShortcut", "bn1", "fc");

        public static Form WideSwish { get; } =
            new("init_conv", (stage, i) => $"layer.{stage}.block.{i}", n => $"batchnorm_{n - 1}", n => $"conv_{n - 1}", "shortcut",
                "batchnorm", "logits", PadsBehind: true);

        public static Form Swish { get; } =
            new("conv_2d", (stage, i) => $"layer_{stage}.{i}", n => $"batchnorm_{n - 1}", n => $"conv_2d_{n}", "shortcut", "batchnorm",
                "logits", PadsBehind: true, ShortcutKernel: 3, ShortcutOfInput: true);

        public Window2d Window(int kernel, int stride)
        {
            int after = kernel / 2, before = PadsBehind && stride > 1 ? 0 : after;
            return new(kernel, kernel, stride, stride, before, before, after, after);
        }
    }

    private sealed class Block
    {
        private readonly Form form;
        private readonly BatchNormLayer norm;
        private readonly ConvLayer[] path;
        private readonly ConvLayer? shortcut;

        public Block(ParameterSet parameters, Form form, string name, int inputs, int width, int outputs, int stride, bool bottleneck)
        {
            (this.form, Name) = (form, name);
            norm = new BatchNormLayer(parameters, $"{name}.{form.Norm(1)}", inputs);
            path = bottleneck
                ? [Part(1, inputs, width, 1, 1), Part(2, width, width, 3, stride), Last(3, width, 1)]
                : [Part(1, inputs, width, 3, stride), Last(2, width, 3)];
            if (inputs != outputs)
            {
                Window2d window = form.Window(form.ShortcutKernel, stride);
                shortcut = ConvLayer.Bare(parameters, $"{name}.{form.Shortcut}", inputs, outputs, window);
            }

            ConvLayer Part(int n, int from, int to, int kernel, int step) => ConvLayer.WithNorm(
                parameters, $"{name}.{form.Conv(n)}", $"{name}.{form.Norm(n + 1)}", from, to, form.Window(kernel, step));

            ConvLayer Last(int n, int from, int kernel) =>
                ConvLayer.Bare(parameters, $"{name}.{form.Conv(n)}", from, outputs, form.Window(kernel, 1));
        }

        public string Name { get; }

        public Tensor Forward(Tensor x, ForwardMode mode, Activation activation)
        {
            Tensor activated = norm.Forward(x, mode, activation), y = activated;
            Tensor identity = shortcut is null ? x : shortcut.Forward(form.ShortcutOfInput ? x : activated, mode);
            foreach (ConvLayer part in path[..^1])
                y = part.Forward(y, mode, activation: activation);
            return path[^1].Forward(y, mode, identity);
        }
    }
}
