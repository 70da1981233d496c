using Ascl.Core.Diagnostics;

namespace Ascl.Cli.Verbs;

/// <summary>Named sets of training options, as written on the command line. None names a data set or a folder.</summary>
internal static class TrainPresets
{
    public const string Names = "ascl-cifar10-paper, adr, pgd-at-madry, trades, mart, bag-of-tricks, awp, trades-awp, "
        + "fgsm-rs, n-fgsm, fgsm-mep or supcon";

    private const string Sgd = "--batch 128 --lr 0.1 --schedule piecewise --momentum 0.9";
    private const string Attack = "--epsilon 8/255 --step-size 2/255 --attack-steps 10";

    private const string SingleStep =
        "--bn-mode train --batch 128 --schedule triangular --lr 0.2 --momentum 0.9 --weight-decay 5e-4";

    public static IReadOnlyDictionary<string, (string What, string Options)> All { get; } = new Dictionary<string, (string, string)>
    {
        ["ascl-cifar10-paper"] = ("Bui et al. 2021 on CIFAR-10: leaked selection, two views",
            "--method ascl --base-objective pgd-at --model resnet18 --head 128 --views 2 --view-pairing jointly --strategy leaked "
                + "--distance linf --normalize-rows true --temperature 0.2 "
            + "--contrastive-weight 1 --vat-weight 0.2 --natural-weight 0 --robust-weight 1 --epsilon 0.031 --step-size 0.007 "
            + "--attack-steps 10 --start uniform --bn-mode train "
            + $"{Sgd} --weight-decay 5e-4 --epochs 110 --milestones 100,105"),
        ["adr"] = ("Bui et al. 2020, with the schedule of ascl-cifar10-paper",
            "--method adr --base-objective pgd-at --model resnet18 --local-compactness-weight 1 --local-smoothness-weight 1 "
                + "--global-compactness-weight 1 --global-smoothness-weight 0 "
            + "--confidence-weight 1 --epsilon 0.031 --step-size 0.007 --attack-steps 10 --start uniform --bn-mode train "
            + $"{Sgd} --weight-decay 5e-4 --epochs 110 --milestones 100,105"),
        ["pgd-at-madry"] = ("Madry et al. 2018 on CIFAR-10, 80,000 steps; with wrn-34-10 instead of their network of depth 32",
            "--method pgd-at --model wrn-34-10 --epsilon 8/255 --step-size 2/255 --attack-steps 7 --start uniform --bn-mode train "
            + $"{Sgd} --weight-decay 2e-4 --epochs 205 --milestones 102,153"),
        ["trades"] = ("Zhang et al. 2019 on CIFAR-10",
            "--method trades --trades-beta 6 --model wrn-34-10 --normalize none --epsilon 0.031 --step-size 0.007 --attack-steps 10 "
                + "--start gaussian --bn-mode eval "
            + $"{Sgd} --weight-decay 2e-4 --epochs 76 --milestones 75"),
        ["mart"] = ("Wang et al. 2020 on CIFAR-10, as the authors' code trains ResNet-18",
            "--method mart --mart-beta 5 --model resnet18 --normalize none --epsilon 0.031 --step-size 0.007 --attack-steps 10 "
                + "--start gaussian --bn-mode eval "
            + "--batch 128 --lr 0.01 --schedule piecewise --momentum 0.9 --weight-decay 3.5e-3 --epochs 120 --milestones 74,89,99"),
        ["bag-of-tricks"] = ("Pang et al. 2021: PGD-AT with the settings they recommend",
            $"--method pgd-at --model resnet18 {Attack} --start uniform --bn-mode eval {Sgd} --weight-decay 5e-4 --epochs 110 --milestones "
                + $"100,105"),
        ["awp"] = ("Wu et al. 2020: PGD-AT with adversarial weight perturbation",
            $"--method pgd-at --awp-gamma 0.01 --model preactresnet18 {Attack} --start uniform --bn-mode train {Sgd} --weight-decay 5e-4 "
                + $"--epochs 200 --milestones 100,150"),
        ["trades-awp"] = ("Wu et al. 2020: TRADES with adversarial weight perturbation",
            $"--method trades --trades-beta 6 --awp-gamma 0.005 --model preactresnet18 {Attack} --start gaussian --bn-mode eval {Sgd} "
                + $"--weight-decay 5e-4 --epochs 200 --milestones 100,150"),
        ["fgsm-rs"] = ("Wong et al. 2020: one step from a random start",
            $"--method pgd-at --natural-pass false --model preactresnet18 --epsilon 8/255 --step-size 10/255 --attack-steps 1 "
                + $"--start uniform {SingleStep} --epochs 30"),
        ["n-fgsm"] = ("de Jorge et al. 2022: one step from noise of twice epsilon, not projected",
            $"--method pgd-at --natural-pass false --model preactresnet18 --epsilon 8/255 --step-size 8/255 --attack-steps 1 "
                + $"--start uniform --start-radius 2 --project false {SingleStep} --epochs 30"),
        ["fgsm-mep"] = ("Jia et al. 2022: one step from where each image's perturbation was in the epoch before",
            "--method fgsm-mep --mep-decay 0.3 --mep-reset 40 --mep-target 0.6 --mep-weight 10 --model resnet18 --epsilon 8/255 "
                + $"--step-size 8/255 --attack-steps 1 --bn-mode train {Sgd} --weight-decay 5e-4 --epochs 110 --milestones 100,105"),
        ["supcon"] = ("Khosla et al. 2020 on CIFAR-10: pre-training, with a linear head",
            "--method supcon --model resnet18 --head 128 --views 2 --strategy global --distance cosine --temperature 0.07 "
            + "--batch 1024 --lr 0.5 --schedule cosine --warmup 10 --momentum 0.9 --weight-decay 1e-4 --epochs 1000"),
    };

    /// <summary>The options of a preset: names and values alternate.</summary>
    /// <exception cref="UserErrorException">There is no such preset.</exception>
    public static string[] Options(string preset) =>
        All.TryGetValue(preset, out var found) ? found.Options.Split(' ') : throw NearestName.Unknown("preset", preset, [.. All.Keys]);

    /// <summary>All presets with their options.</summary>
    public static string List() => string.Concat(All.Select(preset => $"{preset.Key}: {preset.Value.What}\n    {preset.Value.Options}\n"));
}
