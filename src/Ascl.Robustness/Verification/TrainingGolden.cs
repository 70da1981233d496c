using System.Text.Json.Nodes;
using Ascl.Autograd;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Verification;

/// <summary>Golden files of training: initial weights, images, labels and attack start of every step, every loss term, final weights. The
/// attack in training mode updates the running statistics first, then the natural pass, then the adversarial one.</summary>
internal static class TrainingGolden
{
    private const double LossAllowed = 1e-3, WeightsAllowed = 1e-3;
    private static readonly (string Golden, string Ours)[] Terms = [("robust_cross_entropy", "robust_ce"), ("contrastive", "contrastive"),
        ("kl", "vat_kl")];

    /// <summary>Number of rounding branches tried for a whole trace.</summary>
    private const int Branches = 64;

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison) =>
        comparison.Checks.AddRange(RoundingBranches.Nearest(file, Branches,
            (branch, checks) => VerifyBranch(device, file, checks, branch)).Checks);

    private static void VerifyBranch(Device device, SafetensorsFile file, Comparison comparison, int branch)
    {
        Classifier model = NetworkGolden.MakeClassifier(device, file, "weights.",
            file.Contains("projection.weight") ? file.Shape("projection.weight")[0] : 0);
        WeightFile.Load(model.Parameters, file, "weights.", optional: "projection.");
        foreach (NamedTensor head in model.Parameters.All.Where(p => p.Name.StartsWith("projection.", StringComparison.Ordinal)))
            head.Tensor.Data.CopyFrom(file.ReadFloats(head.Name));

        double Number(string key) => NetworkGolden.Metadata(file, key);
        string[] distance = NetworkGolden.Text(file, "distance").Split(',', StringSplitOptions.TrimEntries);
        JsonObject given = new()
        {
            ["strategy"] = NetworkGolden.Text(file, "strategy").ToLowerInvariant(),
            ["distance"] = distance[0],
            ["temperature"] = Number("temperature"),
            ["normalize-rows"] = distance.Contains("normalized"),
        };
        ContrastiveSettings contrastive = SettingTree.Read(new ContrastiveSettings(), given, file.Path);
        // "2 x mean over batch and classes" is 2/classes of the KL of a sample.
        double klWeight = Number("kl_weight") / model.Spec.Classes;
        AsclObjective objective = new() { Contrastive = contrastive, VatWeight = klWeight };
        PgdAttack attack = new(new(Number("epsilon"), Number("step"), (int)Number("attack_steps"), Mode: ForwardMode.Train));
        TrainingStep step = new(model, objective,
            new SgdOptimizer(Optimizers.Targets(model), new() { Momentum = Number("momentum"), WeightDecay = Number("weight_decay") }));

        double[] totals = file.ReadDoubles("loss.total");
        List<StepResult> results = [];
        for (int i = 0; i < totals.Length; i++)
        {
            Tensor images = Tensor.FromArray(device, new(file.Shape($"step{i}.images")), file.ReadFloats($"step{i}.images"));
            DeviceBuffer<int> labels = ContrastiveGolden.Integers(device, file, $"step{i}.labels");
            ImageBatch batch = new(images, labels, labels);
            float[] start = NetworkGolden.StartedAt(images, file.ReadFloats($"step{i}.start_delta")).ToArray();
            Tensor adversarial = Tensor.FromArray(device, images.Shape, RoundingBranches.Input(start, branch));
            attack.Ascend(model, batch, adversarial);
            results.Add(step.Run(batch, adversarial, Number("learning_rate")));
        }
        comparison.Tensor("loss.total", [.. results.Select(r => (float)r.Loss)], LossAllowed);
        foreach (var (golden, ours) in Terms)
        {
            // The file's KL is the mean over batch and classes.
            double scale = golden == "kl" ? 1.0 / model.Spec.Classes : 1;
            comparison.Tensor($"loss.{golden}", [.. results.Select(r => (float)(r.Terms[ours] * scale))], LossAllowed);
        }
        if (file.Contains("selected_pairs"))
        {
            // Pairs of all anchors, two rows an image: positives and negatives of every step. Whole numbers, which must agree.
            IEnumerable<long> ours = results.SelectMany(r => new[] { r.Selected[contrastive.Strategy.Name].Positives.Sum(),
                r.Selected[contrastive.Strategy.Name].Negatives.Sum() });
            comparison.Add("selected_pairs", file.ReadIntegers("selected_pairs").Zip(ours).Max(p => Math.Abs(p.First - p.Second)), 0.5,
                "pairs");
        }
        foreach (NamedTensor tensor in model.Parameters.All.Where(p => file.Contains($"after.{p.Name}")))
            comparison.Tensor($"after.{tensor.Name}", tensor.Tensor.ToArray(), WeightsAllowed);
    }
}
