using System.Globalization;
using System.Text.RegularExpressions;
using Ascl.Core.Diagnostics;
using Ascl.Models.Weights;

namespace Ascl.Models.Networks;

/// <summary>The built-in networks by name.</summary>
public static partial class NetworkCatalog
{
    private const int MaxWidening = 1000;

    /// <summary>Names for help texts and suggestions. Not all: wrn-D-W is valid for other depths and widths, too.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "resnet18", "resnet20", "resnet34", "resnet50", "preactresnet18", "preactresnet18-bn",
        "wrn-16-2", "wrn-28-10", "wrn-34-10", "smallcnn",
    ];

    /// <summary>Creates a network.</summary>
    /// <param name="name">One of <see cref="Names"/>; wrn-D-W for a wide residual network of depth D = 6·n + 4 and widening factor W; or
    /// "resnet: B block(s) a stage, widths W1,W2,…" for a residual network of any size.</param>
    /// <param name="parameters">Receives the network's tensors.</param>
    /// <param name="settings">Channels, classes and activation.</param>
    /// <exception cref="UserErrorException">There is no network of this name, or it is too large.</exception>
    public static INetwork Create(string name, ParameterSet parameters, NetworkSettings settings) => Find(name)(parameters, settings);

    /// <summary>Checks that <see cref="Create"/> accepts a name.</summary>
    /// <exception cref="UserErrorException">There is no network of this name.</exception>
    public static void Check(string name) => Find(name);

    private static Func<ParameterSet, NetworkSettings, INetwork> Find(string name)
    {
        switch (name)
        {
            case "resnet18":
                return (parameters, settings) => new ResNet(parameters, settings, [64, 128, 256, 512], [2, 2, 2, 2]);
            case "resnet20":
                return (parameters, settings) => new ResNet(parameters, settings, [16, 32, 64], [3, 3, 3]);
            case "resnet34":
                return (parameters, settings) => new ResNet(parameters, settings, [64, 128, 256, 512], [3, 4, 6, 3]);
            case "resnet50":
                return (parameters, settings) => new ResNet(parameters, settings, [64, 128, 256, 512], [3, 4, 6, 3], bottleneck: true);
            case "preactresnet18":
                return (parameters, settings) => new PreActResNet(parameters, settings, finalNorm: false);
            case "preactresnet18-bn":
                return (parameters, settings) => new PreActResNet(parameters, settings, finalNorm: true);
            case "smallcnn":
                return (parameters, settings) => new SmallCnn(parameters, settings);
        }
        if (WideName().Match(name) is { Success: true } wide)
        {
            var (depth, widen) = (Number(wide.Groups[1]), Number(wide.Groups[2]));
            if (depth < 10 || (depth - 4) % 6 != 0 || widen is < 1 or > MaxWidening)
            {
                throw new UserErrorException(
                    $"network {name}: the depth of a wide residual network must be 6·n + 4, at least 10, and the width 1 to {MaxWidening}");
            }
            return (parameters, settings) => PreActResNet.Wide(parameters, settings, depth, widen);
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

    /// <summary>Picks the variant of a network that tensor names belong to: public code has preactresnet18 with and without a final
    /// BatchNorm under one name.</summary>
    /// <param name="name">A name of <see cref="Names"/>.</param>
    /// <param name="tensorNames">Names of the weights.</param>
    /// <returns>preactresnet18-bn for a preactresnet18 with "bn.weight", or else <paramref name="name"/>.</returns>
    public static string VariantOf(string name, IEnumerable<string> tensorNames) =>
        name == "preactresnet18" && tensorNames.Contains("bn.weight") ? "preactresnet18-bn" : name;

    private static int Number(Capture text) =>
        int.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw new UserErrorException($"'{text.Value}' is too large a number for a network");

    [GeneratedRegex("^wrn-([0-9]+)-([0-9]+)$")]
    private static partial Regex WideName();

    [GeneratedRegex("^resnet: ([0-9]+) blocks? a stage, widths (?:([0-9]+),?)+$")]
    private static partial Regex AnyResNet();
}
