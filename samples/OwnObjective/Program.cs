// Train with an objective and a contrastive selection of your own.
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

using Device device = ComputeDevice.Open("auto");
DataSet data = DataSource.Open("sample");   // 5,000 + 1,000 images of Fashion-MNIST that are part of the package

// An own selection in the objective of the ASCL paper: only pairs that the network confuses repel each other.
PairSelection confused = PairSelection.Of<ConfusedRule>("confused");
Run("ascl with an own selection", new AsclObjective { Contrastive = new() { Strategy = confused, Temperature = 0.5 } });

// An own objective, whose weight is a setting: checked, and part of what a resumed training must have in common with its beginning.
Run("own objective", new AlignedObjective { Weight = 0.5 });

void Run(string title, IObjective objective)
{
    Classifier model = Classifiers.For(device, data, "resnet: 1 block a stage, widths 8,16", projectionSize: 16);
    Trainer trainer = new(model, objective, new() { Epochs = 1, Batch = 64 })
    {
        Attack = new TrainingAttackSettings { Epsilon = 0.1, Steps = 2 }.Training(AttackLoss.CrossEntropy),
    };
    trainer.Fit(TrainingData.Of(data, trainer.Settings, validation: 0, limit: 640));
    EpochMetrics epoch = trainer.History[^1];
    Console.WriteLine($"{title}: {string.Join(", ", epoch.Terms.Select(term => $"{term.Key} {term.Value:F3}"))}");
    if (epoch.Selection.TryGetValue("confused", out SelectionPercent? pairs))
        Console.WriteLine($"  confused selects {pairs.Negatives:F1} % of the negatives that global selects");
}

/// <summary>Positives: the same class. Negatives: another class that is taken for the anchor's, or the other way round.</summary>
public readonly struct ConfusedRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && (pj == yi || pi == yj);
}

/// <summary>CE(o^a, y) + Weight·mean |z − z^a|: adversarial latents are drawn to the natural ones, and these to them.</summary>
public sealed record AlignedObjective : IObjective
{
    [Setting("alignment-weight", "Weight of the mean distance of natural and adversarial latents.", Min = 0)]
    public double Weight { get; init; } = 1;

    public string Name => "aligned";
    public AttackLoss? Attack => AttackLoss.CrossEntropy;
    public bool NeedsNatural => true;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
    [
        new("robust_ce", 1, input.Adversarial!.Logits.CrossEntropy(input.Labels)),
        new("alignment", Weight, input.Natural!.Latent.AddScaled(input.Adversarial.Latent, -1).Abs().Mean()),
    ];
}
