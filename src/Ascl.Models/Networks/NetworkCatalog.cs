using System.Globalization;
using System.Text.RegularExpressions;
using Ascl.Core.Diagnostics;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>The built-in networks by name.</summary>
public static partial class NetworkCatalog
{
    private const int MaxWidening = 1000;
    private const string Swish = "-swish", PlainShortcuts = "-a";

    /// <summary>Suffixes of variants, and the tensors that only these have.</summary>
    private static readonly (string Suffix, string Tensor)[] Variants =
        [("-bn", "bn.weight"), (Swish, "conv_2d.weight"), (Swish, "init_conv.weight")];

    private static readonly Dictionary<string, NetworkFactory> Fixed = new()
    {
        ["resnet18"] = (parameters, settings) => new ResNet(parameters, settings, [64, 128, 256, 512], [2, 2, 2, 2]),
        ["resnet20"] = Small(3),
        ["resnet32"] = Small(5),
        ["resnet44"] = Small(7),
        ["resnet56"] = Small(9),
        ["resnet110"] = Small(18),
        ["resnet20-a"] = Small(3, hasPlainShortcuts: true),
        ["resnet32-a"] = Small(5, hasPlainShortcuts: true),
        ["resnet44-a"] = Small(7, hasPlainShortcuts: true),
        ["resnet56-a"] = Small(9, hasPlainShortcuts: true),
        ["resnet110-a"] = Small(18, hasPlainShortcuts: true),
        ["resnet34"] = (parameters, settings) => new ResNet(parameters, settings, [64, 128, 256, 512], [3, 4, 6, 3]),
        ["resnet50"] = (parameters, settings) => new ResNet(parameters, settings, [64, 128, 256, 512], [3, 4, 6, 3], bottleneck: true),
        ["preactresnet18"] = (parameters, settings) => new PreActResNet(parameters, settings, [2, 2, 2, 2]),
        ["preactresnet18-bn"] = (parameters, settings) => new PreActResNet(parameters, settings, [2, 2, 2, 2], finalNorm: true),
        ["preactresnet18-swish"] = (parameters, settings) => PreActResNet.Swish(parameters, settings, [2, 2, 2, 2]),
        ["preactresnet34"] = (parameters, settings) => new PreActResNet(parameters, settings, [3, 4, 6, 3]),
        ["preactresnet34-bn"] = (parameters, settings) => new PreActResNet(parameters, settings, [3, 4, 6, 3], finalNorm: true),
        ["preactresnet34-swish"] = (parameters, settings) => PreActResNet.Swish(parameters, settings, [3, 4, 6, 3]),
        ["preactresnet50"] = (parameters, settings) => new PreActResNet(parameters, settings, [3, 4, 6, 3], bottleneck: true),
        ["preactresnet50-bn"] = (parameters, settings) =>
            new PreActResNet(parameters, settings, [3, 4, 6, 3], bottleneck: true, finalNorm: true),
        ["vgg11"] = (parameters, settings) => new Vgg(parameters, settings, [1, 1, 2, 2, 2]),
        ["vgg13"] = (parameters, settings) => new Vgg(parameters, settings, [2, 2, 2, 2, 2]),
        ["vgg16"] = (parameters, settings) => new Vgg(parameters, settings, [2, 2, 3, 3, 3]),
        ["vgg19"] = (parameters, settings) => new Vgg(parameters, settings, [2, 2, 4, 4, 4]),
        ["mobilenetv2"] = (parameters, settings) => new MobileNetV2(parameters, settings),
        ["densenet121"] = (parameters, settings) => new DenseNet(parameters, settings, 32, [6, 12, 24, 16]),
        ["densenet169"] = (parameters, settings) => new DenseNet(parameters, settings, 32, [6, 12, 32, 32]),
        ["smallcnn"] = (parameters, settings) => new SmallCnn(parameters, settings),
    };

    /// <summary>Names for help texts and suggestions. Not all: wrn-D-W and wrn-D-W-swish are valid for other depths and widths,
    /// too.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Fixed.Keys, "wrn-16-2", "wrn-28-10", "wrn-34-10", "wrn-28-10-swish", "wrn-70-16-swish"];

    /// <summary>Creates a network.</summary>
    /// <param name="name">One of <see cref="Names"/>; wrn-D-W or wrn-D-W-swish for a wide residual network of depth D = 6·n + 4 and
    /// widening factor W; or "resnet: B block(s) a stage, widths W1,W2,…" for a residual network of any size.</param>
    /// <param name="parameters">Receives the network's tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <exception cref="UserErrorException">There is no network of this name, or it is too large.</exception>
    public static INetwork Create(string name, ParameterSet parameters, NetworkSettings settings) => Find(name)(parameters, settings);

    /// <summary>Checks that <see cref="Create"/> accepts a name.</summary>
    /// <exception cref="UserErrorException">There is no network of this name.</exception>
    public static void Check(string name) => Find(name);

    /// <summary>The residual networks for CIFAR of He et al. 2016: three stages of n blocks, 6·n + 2 layers.</summary>
    private static NetworkFactory Small(int blocks, bool hasPlainShortcuts = false) => (parameters, settings) =>
        new ResNet(parameters, settings, [16, 32, 64], [blocks, blocks, blocks], hasPlainShortcuts: hasPlainShortcuts);

    private static NetworkFactory Find(string name)
    {
        if (Fixed.TryGetValue(name, out NetworkFactory? known))
            return known;
        if (WideName().Match(name) is { Success: true } wide)
        {
            var (depth, widen) = (Number(wide.Groups[1]), Number(wide.Groups[2]));
            if (depth < 10 || (depth - 4) % 6 != 0 || widen is < 1 or > MaxWidening)
            {
                throw new UserErrorException(
                    $"network {name}: the depth of a wide residual network must be 6·n + 4, at least 10, and the width 1 to {MaxWidening}");
            }
            return wide.Groups[3].Success
                ? (parameters, settings) => PreActResNet.WideSwish(parameters, settings, depth, widen)
                : (parameters, settings) => PreActResNet.Wide(parameters, settings, depth, widen);
        }
        if (AnyResNet().Match(name) is { Success: true } any)
        {
            int[] widths = [.. any.Groups[2].Captures.Select(Number)];
            int blocks = Number(any.Groups[1]);
            if (blocks < 1 || widths.Any(w => w < 1))
                throw new UserErrorException($"network {name}: at least 1 block a stage and widths of at least 1 are needed");
            return (parameters, settings) => new ResNet(parameters, settings, widths, [.. widths.Select(_ => blocks)]);
        }
        throw NearestName.Unknown("model", name, Names);
    }

    /// <summary>Picks the variant of a network that tensor names belong to: public code has several forms under one name.</summary>
    /// <param name="name">A name of a network.</param>
    /// <param name="tensorNames">Names of the weights.</param>
    /// <returns>For a preactresnet with a final BatchNorm, "bn.weight", its name with -bn; for a preactresnet or wrn whose first
    /// convolution has its name in Gowal et al.'s code, "conv_2d.weight" or "init_conv.weight", its name with -swish; for a resnet whose
    /// shortcuts have no weights, its name with -a; or else
    /// <paramref name="name"/>.</returns>
    public static string VariantOf(string name, IEnumerable<string> tensorNames)
    {
        HashSet<string> tensors = [.. tensorNames];
        if (IsListed(name + PlainShortcuts) && !tensors.Any(IsOfShortcut))
            return name + PlainShortcuts;
        return Variants.Where(variant => tensors.Contains(variant.Tensor)).Select(variant => name + variant.Suffix)
            .FirstOrDefault(IsListed) ?? name;
    }

    private static bool IsOfShortcut(string tensor) =>
        tensor.Contains(".shortcut.", StringComparison.Ordinal) || tensor.Contains(".downsample.", StringComparison.Ordinal);

    /// <summary>The activation that a network has in its public code: SiLU for the built-in ones whose names end in -swish, ReLU for all
    /// others.</summary>
    public static Activation ActivationOf(string name) =>
        name.EndsWith(Swish, StringComparison.Ordinal) && IsListed(name) ? Activation.Silu : Activation.Relu;

    /// <summary>Height and width of the images that a network accepts; null for any.</summary>
    public static (int Height, int Width)? ImageSizeOf(string name) =>
        name == "smallcnn" ? (SmallCnn.ImageSize, SmallCnn.ImageSize)
        : name.StartsWith("vgg", StringComparison.Ordinal) ? (Vgg.ImageSize, Vgg.ImageSize)
        : null;

    private static bool IsListed(string name) => Fixed.ContainsKey(name) || WideName().IsMatch(name);

    private static int Number(Capture text) =>
        int.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw new UserErrorException($"'{text.Value}' is too large a number for a network");

    [GeneratedRegex("^wrn-([0-9]+)-([0-9]+)(-swish)?$")]
    private static partial Regex WideName();

    [GeneratedRegex("^resnet: ([0-9]+) blocks? a stage, widths (?:([0-9]+),?)+$")]
    private static partial Regex AnyResNet();
}
