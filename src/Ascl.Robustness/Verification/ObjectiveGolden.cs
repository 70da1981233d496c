using System.Globalization;
using System.Text.RegularExpressions;
using Ascl.Autograd;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Core.Files;
using Ascl.Models.Networks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Verification;

/// <summary>Golden files of whole objectives: natural and adversarial logits and latents, labels, possibly logits and labels of helper
/// images and class means, and NAME.loss with NAME.grad.GIVEN.</summary>
internal static partial class ObjectiveGolden
{
    private const string HelperLogits = "helper.logits", ClassMeans = "class_means";
    private static readonly string[] Outputs = ["natural.logits", "adversarial.logits", "natural.latent", "adversarial.latent"];

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison)
    {
        DeviceBuffer<int> labels = ContrastiveGolden.Integers(device, file, "labels");
        string[] names = file.Contains(HelperLogits) ? [.. Outputs, HelperLogits] : Outputs;
        foreach (string loss in file.Names.Where(n => n.EndsWith(".loss", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            string name = loss[..^".loss".Length];
            if (Loss(name) is not { } formula)
            {
                comparison.Skip(loss, "not an objective of this version");
                continue;
            }
            using IDisposable scope = device.Pool.BeginScope();
            Tensor[] given = [.. names.Select(g => Tensor.FromArray(device, new(file.Shape(g)), file.ReadFloats(g), requiresGrad: true))];
            ObjectiveInput input = new(new(given[2], given[0]), new(given[3], given[1]), labels, latent => latent)
            {
                ClassMeans = file.Contains(ClassMeans)
                    ? Tensor.FromArray(device, new(file.Shape(ClassMeans)), file.ReadFloats(ClassMeans))
                    : null,
                // No objective looks at their latents.
                Helper = given.Length == Outputs.Length
                    ? null
                    : new(new(given[2], given[4]), ContrastiveGolden.Integers(device, file, "helper.labels")),
            };
            Tensor total = formula(input);
            comparison.Value(loss, total.Item, 1e-4);
            Tensor[] gradients = Gradient.Of(total, given);
            foreach (var (gradient, of) in gradients.Zip(names))
                if (file.Contains($"{name}.grad.{of}"))
                    comparison.Tensor($"{name}.grad.{of}", gradient.ToArray(), 1e-3);
        }
    }

    /// <summary>The loss for a golden name; null if this version does not have it.</summary>
    private static Func<ObjectiveInput, Tensor>? Loss(string name)
    {
        Match m = NameAndNumber().Match(name);
        double number = m.Groups["number"].Success ? double.Parse(m.Groups["number"].Value, CultureInfo.InvariantCulture) : 0;
        return m.Groups["name"].Value switch
        {
            "pgd-at" => Of(new PgdAtObjective()),
            "pgd-at.natural" => Of(new PgdAtObjective { NaturalWeight = number }),
            "pgd-at.smoothing" => Of(new PgdAtObjective { LabelSmoothing = number }),
            "trades.beta" => Of(new TradesObjective { Beta = number }),
            "mart.beta" => Of(new MartObjective { Beta = number }),
            "mart.smoothing" => Of(new MartObjective { LabelSmoothing = number }),
            "score.beta" => Of(new ScoreObjective { Beta = number }),
            "score.smoothing" => Of(new ScoreObjective { LabelSmoothing = number }),
            "hat.beta" => Of(new HatObjective { Beta = number }),
            "hat.weight" => Of(new HatObjective { HelperWeight = number }),
            "ikl.beta" => Of(new IklObjective { Beta = number }),
            "ikl.alpha" => Of(new IklObjective { Alpha = number }),
            "ascl.pgd" => Of(new AsclObjective()),
            "ascl.trades.beta" => Of(new AsclObjective { Base = new TradesObjective { Beta = number } }),
            "ascl.views.jointly" => Of(Views(ViewPairing.Jointly)),
            "ascl.views.same-kind" => Of(Views(ViewPairing.SameKind)),
            "ascl.views.same-view" => Of(Views(ViewPairing.SameView)),
            "supcon" =>
                Of(new SupConObjective
                {
                    Contrastive = new()
                    {
                        Strategy = SelectionStrategy.Global,
                        Distance = ContrastiveDistance.Cosine,
                        Temperature = 0.07
                    }
                }),
            "adr.pgd" => Of(new AdrObjective()),
            "adr.local_compactness" => AdrObjective.LocalCompactness,
            "adr.local_smoothness" => AdrObjective.LocalSmoothness,
            "adr.global_compactness" => AdrObjective.GlobalCompactness,
            "adr.global_smoothness" => AdrObjective.GlobalSmoothness,
            "adr.confidence" => AdrObjective.Confidence,
            _ => null,
        };

        static AsclObjective Views(ViewPairing pairing) => new() { ViewPairing = pairing };
        static Func<ObjectiveInput, Tensor> Of(IObjective objective) => input => objective.Terms(input).Total();
    }

    [GeneratedRegex("^(?<name>.*?)(?<number>[0-9.]+)?$")]
    private static partial Regex NameAndNumber();
}
