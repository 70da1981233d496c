using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;
using Ascl.Models;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Training;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("evaluate", HelpText = "Measures the clean and robust accuracy of trained weights.")]
[Example("The best checkpoint of a run, under PGD-20 on its own test images", "--weights runs/ascl-1")]
[Example("Weights from PyTorch (a state dict saved as safetensors) on CIFAR-10", "--weights resnet18.safetensors --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10")]
[Example("Auto-Attack on 1,000 images; stopped or killed, the same line goes on", "--weights runs/ascl-1 --attack autoattack --limit 1000 --out evaluations/ascl-1")]
[Example("Is that number honest? Signs of masked gradients and weak attacks", "--weights runs/ascl-1 --checks --twin runs/natural-1")]
[Example("How small a change turns each image: median, quantiles, accuracy by epsilon", "--weights runs/ascl-1 --minimal-epsilon --limit 1000 --out evaluations/minimal")]
[Example("A stronger attack, results as JSON too", "--weights runs/ascl-1 --steps 100 --restarts 5 --json result.json")]
[Example("Anybody's classifier as ONNX, [N, C, H, W] in [0, 1] to logits, by attacks without gradients", "--weights theirs.onnx --data cifar10:data/cifar-10-batches-bin --attack noise,square")]
[Example("Check the adversarial images of an evaluation once more, also rounded to 8 bits", "--weights runs/ascl-1 --replay evaluations/ascl-1/adversarial.safetensors")]
internal sealed class EvaluateVerb : RandomArguments, IVerb
{
    [Section("What is measured")]
    [Option("weights", MetaValue = "FILE|RUN", Required = true, HelpText = "A safetensors or ONNX file, or a run's folder: its best checkpoint.")]
    public string Weights { get; init; } = "";

    [Option("model", MetaValue = "NAME", HelpText = $"Network: {VerbTexts.Networks}; a run's folder knows its own.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME", HelpText = $"Its activation: {VerbTexts.Activations}; files of ascl know their own.")]
    public string? Activation { get; init; }

    [Option("data", MetaValue = "SPEC", HelpText = $"Test images: {VerbTexts.DataForms}; a run's folder knows its own.")]
    public string? Data { get; init; }

    [Option("limit", MetaValue = "N", HelpText = "Use only the first N test images.")]
    public int? Limit { get; init; }

    [Option("normalize", MetaValue = "NAME", HelpText = $"Input normalisation: {VerbTexts.Normalizations}; a run's folder knows its own.")]
    public string? Normalize { get; init; }

    [Section("Attack")]
    [Option("attack", MetaValue = "NAMES", HelpText = "Attacks in turn, such as fgsm,pgd: noise, fgsm, pgd, pgd-margin, pgd-dlr, pgd-kl, multi-targeted, apgd-ce, apgd-dlr, apgd-t, fab, fab-t, brendel-bethge, square, or Auto-Attack: autoattack (apgd-ce,apgd-t,fab-t,square), autoattack-plus (more attacks and starts), autoattack-rand (for random networks).")]
    public string Attack { get; init; } = "pgd";

    [Option("epsilon", MetaValue = "E", HelpText = "Largest change of an image, of pixels in [0, 1].")]
    public Fraction Epsilon { get; init; } = new("8/255");

    [Option("step-size", MetaValue = "A", HelpText = "Length of one step of PGD.")]
    public Fraction StepSize { get; init; } = new("2/255");

    [Option("steps", MetaValue = "N", HelpText = "Steps of PGD.")]
    public int Steps { get; init; } = 20;

    [Option("restarts", MetaValue = "N", HelpText = "Random starts of PGD; an image counts as robust if it survives all.")]
    public int Restarts { get; init; } = 1;

    [Option("queries", MetaValue = "N", HelpText = "Queries of Square for each image.")]
    public int Queries { get; init; } = 5000;

    [Option("epsilons", MetaValue = "E,E", HelpText = "Measure the same attacks within these ε too, with steps of ε/4: a curve.")]
    public string? Epsilons { get; init; }

    [Option("minimal-epsilon", HelpText = "Look too for the smallest change that turns each image, without a limit: FAB-T and, in linf, Brendel & Bethge.")]
    public bool MinimalEpsilon { get; init; }

    [Option("norm", MetaValue = "NORM", HelpText = "What epsilon measures: linf (each pixel) or l2 (the whole image).")]
    public string Norm { get; init; } = "linf";

    [Option("each", HelpText = "Try each attack on every image that is right, not only on what the attacks before it have left.")]
    public bool Each { get; init; }

    [Section("Is it honest?")]
    [Option("checks", HelpText = "Look for signs of false robustness too: gradients that vanish, more steps that still help, attacks without gradients that do better, and others.")]
    public bool Checks { get; init; }

    [Option("check-images", MetaValue = "N", HelpText = "Test images that the checks look at.")]
    public int CheckImages { get; init; } = 200;

    [Option("twin", MetaValue = "FILE|RUN", HelpText = "A naturally trained classifier of the same images, whose adversarial images the checks try too.")]
    public string? Twin { get; init; }

    [Section("Run")]
    [Option("batch", MetaValue = "N", HelpText = "Images at a time; the results do not depend on it.")]
    public int Batch { get; init; } = 128;

    [Option("out", MetaValue = "DIR", HelpText = "Folder for the adversarial images and the report. An evaluation that was stopped there goes on.")]
    public string? Out { get; init; }

    [Option("replay", MetaValue = "FILE", HelpText = "Attack nothing: check these adversarial images of an earlier evaluation again.")]
    public string? Replay { get; init; }

    [Option("json", MetaValue = "FILE", HelpText = "Write the results to this file too.")]
    public string? Json { get; init; }

    public int Run(CancellationToken stop)
    {
        Check();
        string file = RunFolder.Weights(Weights);
        string specification = Data ?? (Directory.Exists(Weights) ? RunFolder.Open(Weights).Config.Data : null) ?? throw new UserErrorException("evaluate: name the test images with --data");
        using Device device = DeviceChoice.OpenFor(file, Device, Threads, CudaGraphs, Precision);
        IReadOnlyList<PlannedAttack> attacks = Attacks(Epsilon.Value, StepSize.Value);
        // The weights first: a file that is not one should not cost the opening of the data.
        Classifier model = Load(device, file);
        if (Replay is null)
            AttackCatalog.CheckGradients(model, attacks);
        DataSet data = ProgressDisplay.Run($"opening {specification}", display => DataSource.Open(specification, progress: new OpeningProgress(display, stop)));
        if (Normalize is not null)
            model = Load(device, file, InputNormalization.Of(Normalize, data));
        ImageSet test = Limit is { } limit ? data.Test.Take(limit) : data.Test;
        CheckFit(model, test, file, countIsLeast: specification.StartsWith("file:", StringComparison.Ordinal));

        if (Replay is not null)
            return PrintReplay(AdversarialImages.Replay(Replay, model, data.Test, Batch));
        EvaluationStore? store = Out is null ? null : EvaluationStore.Open(Out, Settings(file, specification, test), test);
        EvaluationReport report = ProgressDisplay.Run("evaluating", display => new Evaluator(model, test, Batch, Seed).Run(attacks, stop, new EvaluationDisplay(display).Report, !Each, store));
        report = report with
        {
            Weights = file,
            Data = data.Name,
            MinimalEpsilon = MinimalEpsilon ? Smallest(model, test, store, stop) : null,
            Findings = Checks ? Findings(model, test, stop) : null,
            Curve = Epsilons is null ? null : Curve(model, test, stop),
        };
        Print(report, file, data.Name);
        Print(report.MinimalEpsilon);
        PrintFindings(report.Findings ?? []);
        foreach (CurvePoint point in report.Curve ?? [])
            Console.WriteLine($"epsilon {NumberText.Of(point.Epsilon)}: {100 * point.Accuracy:F2} %");
        if (store is not null)
        {
            AdversarialImages adversarial = store.Finish(report);
            AtomicFile.WriteText(store.MarkdownFile, EvaluationPage.Markdown(report));
            AtomicFile.WriteText(store.PageFile, EvaluationPage.Html(report, test, adversarial));
            Console.WriteLine($"adversarial images and report in {Out}");
        }
        if (Json is not null)
            AtomicFile.WriteText(Json, Evaluator.ToJson(report));
        return 0;
    }

    private Classifier Load(Device device, string file, (float[] Mean, float[] Std)? normalization = null)
    {
        if (!OnnxNetwork.IsOnnx(file))
            return ClassifierFile.Load(device, file, new()
            {
                Network = Model,
                Normalization = normalization,
                Activation = Activation is null ? null : RunParts.Activation(Activation),
            });
        if (Model is not null || Activation is not null || Checks)
            throw new UserErrorException($"{file}: holds its whole network and has no gradients: --model, --activation and --checks are not for it");
        return OnnxNetwork.Load((CpuDevice)device, file, normalization);
    }

    /// <summary>All that the result depends on; the weights by their content.</summary>
    private JsonObject Settings(string file, string specification, ImageSet test)
    {
        WeightPath path = WeightPath.Parse(file);
        using FileStream weights = File.OpenRead(path.File);
        return new()
        {
            ["weights"] = Convert.ToHexStringLower(SHA256.HashData(weights)) + (path.Set is null ? "" : $"#{path.Set}"),
            ["data"] = specification,
            ["images"] = test.Count,
            ["attack"] = Attack,
            ["each"] = Each,
            ["epsilon"] = Epsilon.Value,
            ["norm"] = Norm,
            ["step-size"] = StepSize.Value,
            ["steps"] = Steps,
            ["restarts"] = Restarts,
            ["queries"] = Queries,
            ["seed"] = Seed,
            ["batch"] = Batch,
            // Evaluations of before go on.
            ["precision"] = Precision == RunConfig.Precisions[0] ? null : Precision,
        };
    }

    private static void Print(EvaluationReport report, string file, string data)
    {
        var table = new ResultTable("attack", "norm", "epsilon", "steps", "restarts", "tried on", "turned", "accuracy %", "seconds") { Title = $"{file} ({report.Model}) on {report.Count} test images of {data}" };
        table.Add("none", "", "", "", "", "", "", $"{100 * report.CleanAccuracy:F2}", "");
        foreach (AttackReport a in report.Attacks)
            table.Add(a.Name, a.Norm, NumberText.Of(a.Epsilon), $"{a.Steps}", $"{a.Restarts}", $"{a.Attacked}", $"{a.Turned}", $"{100 * a.Accuracy:F2}", $"{a.Seconds:F1}");
        if (report.Attacks.Count > 1 && !report.IsCascade)
            table.Add("worst case", "", "", "", "", "", "", $"{100 * report.WorstCaseAccuracy:F2}", "");
        table.Print();
        foreach (AttackReport a in report.Attacks.Where(a => a.Rejected > 0))
            Console.WriteLine($"{a.Name}: {a.Rejected} images left the ball or [0, 1] and did not count");
        foreach (string note in report.Attacks.Select(a => a.Note).OfType<string>())
            Console.WriteLine(note);
    }

    private MinimalEpsilonReport Smallest(Classifier model, ImageSet test, EvaluationStore? store, CancellationToken stop)
    {
        PerturbationNorm norm = RunParts.Norm(Norm);
        return ProgressDisplay.Run("evaluating", display => new Evaluator(model, test, Batch, Seed).Smallest(NearestAttack.All(norm, Epsilon.Value), norm, Epsilon.Value, stop, new EvaluationDisplay(display).Report, store));
    }

    private static void Print(MinimalEpsilonReport? minimal)
    {
        if (minimal is null)
            return;
        var table = new ResultTable("images turned %", "epsilon") { Title = $"smallest {minimal.Norm} changes found by {string.Join(" and ", minimal.Attacks)}" };
        foreach (SizeQuantile quantile in minimal.Quantiles)
            table.Add($"{100 * quantile.Share:F0}", EvaluationPage.Size(quantile.Size));
        table.Print();
        Console.WriteLine($"{100 * minimal.Accuracy:F2} % of images were turned by no change within {NumberText.Of(minimal.Epsilon)}{(minimal.NotFound > 0 ? $"; none at all was found for {minimal.NotFound}" : "")}");
    }

    private CurvePoint[] Curve(Classifier model, ImageSet test, CancellationToken stop) => ProgressDisplay.Run("evaluating", display => Balls().Select(ball =>
    {
        EvaluationReport report = new Evaluator(model, test, Batch, Seed).Run(Attacks(ball, ball / 4), stop, new EvaluationDisplay(display).Report, isCascade: true);
        return new CurvePoint(ball, report.WorstCaseAccuracy);
    }).ToArray());

    private double[] Balls()
    {
        try
        {
            return [.. (Epsilons ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(text => new Fraction(text).Value)];
        }
        catch (FormatException e)
        {
            throw new UserErrorException($"option --epsilons: {e.Message}", e);
        }
    }

    private HonestyFinding[] Findings(Classifier model, ImageSet test, CancellationToken stop)
    {
        HonestySubject subject = new(model, test.Take(CheckImages), Epsilon.Value, RunParts.Norm(Norm), Batch, Seed, Twin is null ? null : ClassifierFile.Load(model.Device, RunFolder.Weights(Twin)));
        return ProgressDisplay.Run("checking", display =>
        {
            List<HonestyFinding> findings = [];
            foreach (HonestyFinding finding in HonestyChecks.All(subject))
            {
                stop.ThrowIfCancellationRequested();
                findings.Add(finding);
                display.Line($"{(finding.IsSuspicious ? "suspicious" : "fine      ")} {finding.Name}: {finding.Seen}");
            }
            return findings.ToArray();
        });
    }

    private static void PrintFindings(IReadOnlyList<HonestyFinding> findings)
    {
        foreach (HonestyFinding finding in findings.Where(f => f.IsSuspicious))
            Console.WriteLine($"warning: {finding.Name}: {finding.Meaning}");
        if (findings.Count > 0 && !findings.Any(f => f.IsSuspicious))
            Console.WriteLine($"none of {findings.Count} signs of false robustness was seen");
    }

    private int PrintReplay(ReplayReport replay)
    {
        var table = new ResultTable("images", "within the ball", "adversarial", "count") { Title = $"{Replay}: {replay.Norm}, epsilon {NumberText.Of(replay.Epsilon)}" };
        table.Add("as they are", $"{replay.Within}", $"{replay.Adversarial}", $"{replay.Count}");
        table.Add("rounded to 8 bits", $"{replay.WithinRounded}", $"{replay.AdversarialRounded}", $"{replay.Count}");
        table.Print();
        return replay.Within == replay.Count && replay.Adversarial == replay.Count ? 0 : 1;
    }

    private void Check()
    {
        if (Steps < 1 || Restarts < 1 || Queries < 1 || Batch < 1 || Limit < 1 || CheckImages < 1)
            throw new UserErrorException("evaluate: --steps, --restarts, --queries, --batch, --limit and --check-images must be at least 1");
        Balls();
        if (Epsilon.Value < 0 || StepSize.Value < 0 || !double.IsFinite(Epsilon.Value) || !double.IsFinite(StepSize.Value))
            throw new UserErrorException("evaluate: --epsilon and --step-size must not be negative");
        if (!RunConfig.Norms.Contains(Norm))
            throw NearestName.Unknown("norm", Norm, RunConfig.Norms);
        if (Norm == "linf" && Epsilon.Value > 1)
            throw new UserErrorException($"evaluate: --epsilon {Epsilon} is more than 1, and pixels lie in [0, 1] (8 of 255 grey levels are 8/255)");
    }

    private IReadOnlyList<PlannedAttack> Attacks(double epsilon, double stepSize)
    {
        string[] names = Attack.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (names.Length == 0)
            throw new UserErrorException("evaluate: --attack names no attack");
        return AttackCatalog.Of(names, new(epsilon, stepSize, RunParts.Norm(Norm), Steps, Restarts, Queries: Queries));
    }

    private static void CheckFit(Classifier model, ImageSet images, string file, bool countIsLeast)
    {
        if (model.Spec.Channels != images.Channels)
            throw new UserErrorException($"{file}: the network takes images of {model.Spec.Channels} channels, {images.Name} has {images.Channels}");
        // A bare file of labels only shows the classes that occur in it.
        if (model.Spec.Classes < images.ClassNames.Count || (model.Spec.Classes > images.ClassNames.Count && !countIsLeast))
            throw new UserErrorException($"{file}: the network has {model.Spec.Classes} classes, {images.Name} has {images.ClassNames.Count}");
        if (model.ImageSize is { } size && size != (images.Height, images.Width))
            throw new UserErrorException($"{file}: the network takes images of {size.Height}x{size.Width} pixels, {images.Name} has {images.Height}x{images.Width}");
    }
}
