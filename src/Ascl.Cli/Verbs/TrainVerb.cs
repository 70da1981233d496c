using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Robustness.Training;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("train", HelpText = "Trains a classifier and tells how robust it is.")]
[Example("Train ASCL (leaked selection) on the images built in, a few minutes on two cores", "")]
[Example("The paper's baseline on CIFAR-10 from its official files", "--method pgd-at --model resnet18 --data cifar10:data/cifar-10-batches-bin --epochs 110 --schedule piecewise --milestones 100,105")]
[Example("The settings of a paper, but for the epochs", "--preset ascl-cifar10-paper --data cifar10:data/cifar-10-batches-bin --epochs 30 --milestones 20,25")]
[Example("Other images: a folder or archive with train|test/CLASS/IMAGE", "--data folder:photos.tar.gz --model resnet20 --epsilon 8/255")]
[Example("Pre-train an encoder by supervised contrastive learning", "--method supcon --views 2 --strategy global --distance cosine --temperature 0.07 --out runs/encoder")]
[Example("Train a linear layer on it while it is frozen", "--method linear --from runs/encoder")]
[Example("Go on with a run that was stopped, to the same bits", "--resume runs/ascl-1")]
[Example("Go on to more epochs than were asked for at first", "--resume runs/ascl-1 --epochs 40")]
[Example("Do an earlier run again with another seed", "--config runs/ascl-1/config.json --seed 2 --out runs/ascl-2")]
internal sealed partial class TrainVerb : VerbArguments, IVerb
{
    [Section("Settings of papers")]
    [Option("preset", MetaValue = "NAME", HelpText = $"Begin with the settings of {TrainPresets.Names}; options given beside it win.")]
    public string? Preset { get; init; }

    [Option("list-presets", HelpText = "Tell what each preset sets, and do nothing else.")]
    public bool ListPresets { get; init; }

    [Section("Data")]
    [Option("data", MetaValue = "SPEC", HelpText = $"Images: {VerbTexts.DataForms}.")]
    public string? Data { get; init; }

    [Option("limit-train", MetaValue = "N", HelpText = "Use only the first N training images.")]
    public int? LimitTrain { get; init; }

    [Option("limit-test", MetaValue = "N", HelpText = "Use only the first N test images.")]
    public int? LimitTest { get; init; }

    [Option("resize", MetaValue = "N", HelpText = VerbTexts.Resize)]
    public int? Resize { get; init; }

    [Option("crop", MetaValue = "N", HelpText = VerbTexts.Crop)]
    public int? Crop { get; init; }

    [Option("test-share", MetaValue = "SHARE", HelpText = VerbTexts.TestShare)]
    public Fraction? TestShare { get; init; }

    [Option("allow-empty-classes", MetaValue = "true|false", HelpText = VerbTexts.AllowEmptyClasses)]
    public bool? AllowEmptyClasses { get; init; }

    [Option("validation", MetaValue = "N", HelpText = "Training images held out to choose the best checkpoint by; 0: none. By default a fifth of them, at most 500.")]
    public int? Validation { get; init; }

    [Option("augment", MetaValue = "MODE", HelpText = "Random crop and flip: on, off, or auto: where it suits the data or there are two views.")]
    public string? Augment { get; init; }

    [Option("views", MetaValue = "N", HelpText = "How often a batch holds each of its images, every time augmented in another way: 1 or 2.")]
    public int? Views { get; init; }

    [Section("Model")]
    [Option("from", MetaValue = "FILE|RUN", HelpText = "Start from these weights (a run: its best checkpoint), to train all of them or, with --method linear, a new last layer.")]
    public string? From { get; init; }

    [Option("model", MetaValue = "NAME", HelpText = $"Network: {VerbTexts.Networks}. By default smallcnn for images of 28x28 pixels, resnet20 for others.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME", HelpText = $"Function after each layer: {VerbTexts.Activations}; the last three are smooth.")]
    public string? Activation { get; init; }

    [Option("normalize", MetaValue = "NAME", HelpText = $"Input normalisation: {VerbTexts.Normalizations}.")]
    public string? Normalize { get; init; }

    [Option("head", MetaValue = "DIM", HelpText = "Width of the linear projection that ascl and supcon contrast; 0: contrast the latent itself.")]
    public int? Head { get; init; }

    [Section("Objective")]
    [Option("method", MetaValue = "NAME", HelpText = "natural, pgd-at, trades, adr, ascl, supcon (pre-training without logits) or linear (the layers after the latent on a frozen encoder).")]
    public string? Method { get; init; }

    [Option("foundation", MetaValue = "NAME", HelpText = "What adr and ascl add their terms to: pgd-at or trades.")]
    public string? Foundation { get; init; }

    [Option("strategy", MetaValue = "NAME", HelpText = "Whom ASCL contrasts an image with: global, hard, soft, leaked or merge.")]
    public string? Strategy { get; init; }

    [Option("distance", MetaValue = "NAME", HelpText = "Distance of two latents: cosine, dot, l1, l2 or linf.")]
    public string? Distance { get; init; }

    [Option("temperature", MetaValue = "T", HelpText = "Similarity is -distance/T.")]
    public Fraction? Temperature { get; init; }

    [Option("view-pairing", MetaValue = "NAME", HelpText = "With two views, what ascl contrasts: all jointly, same-kind (natural ones, and adversarial ones) or same-view (first ones, and second ones).")]
    public string? ViewPairing { get; init; }

    [Option("normalize-rows", MetaValue = "true|false", HelpText = "Divide each contrasted latent by its L2 norm.")]
    public bool? NormalizeRows { get; init; }

    [Option("contrastive-weight", MetaValue = "W", HelpText = "Weight of the contrastive term.")]
    public Fraction? ContrastiveWeight { get; init; }

    [Option("natural-weight", MetaValue = "W", HelpText = "Weight of the cross-entropy on natural images (pgd-at, also as a foundation).")]
    public Fraction? NaturalWeight { get; init; }

    [Option("natural-pass", MetaValue = "true|false", HelpText = "Pass natural images through the network even at natural-weight 0, so that BatchNorm's running statistics come from natural and adversarial images (pgd-at; by default on, as in the authors' baseline).")]
    public bool? NaturalPass { get; init; }

    [Option("robust-weight", MetaValue = "W", HelpText = "Weight of the cross-entropy on adversarial images (likewise).")]
    public Fraction? RobustWeight { get; init; }

    [Option("vat-weight", MetaValue = "W", HelpText = "Weight of KL(natural || adversarial prediction), mean over the batch (ascl).")]
    public Fraction? VatWeight { get; init; }

    [Option("trades-beta", MetaValue = "W", HelpText = "Weight of that KL in trades (also as a foundation).")]
    public Fraction? TradesBeta { get; init; }

    [Option("local-compactness-weight", MetaValue = "W", HelpText = "Weight of the mean distance of an image's natural and adversarial latent (adr).")]
    public Fraction? LocalCompactnessWeight { get; init; }

    [Option("local-smoothness-weight", MetaValue = "W", HelpText = "Weight of the cross-entropy between its natural and adversarial predictions (adr).")]
    public Fraction? LocalSmoothnessWeight { get; init; }

    [Option("global-compactness-weight", MetaValue = "W", HelpText = "Weight of that distance over all pairs of images (adr).")]
    public Fraction? GlobalCompactnessWeight { get; init; }

    [Option("global-smoothness-weight", MetaValue = "W", HelpText = "Weight of that cross-entropy over all pairs of images (adr).")]
    public Fraction? GlobalSmoothnessWeight { get; init; }

    [Option("confidence-weight", MetaValue = "W", HelpText = "Weight of the entropy of adversarial predictions (adr).")]
    public Fraction? ConfidenceWeight { get; init; }

    [Option("label-smoothing", MetaValue = "S", HelpText = "Share of the target spread evenly over the classes.")]
    public Fraction? LabelSmoothing { get; init; }

    [Section("Attack while training")]
    [Option("epsilon", MetaValue = "E", HelpText = VerbTexts.Epsilon + " By default 8/255 in linf and 0.5 in l2.")]
    public Fraction? Epsilon { get; init; }

    [Option("step-size", MetaValue = "A", HelpText = "Length of one attack step. " + VerbTexts.StepSize)]
    public Fraction? StepSize { get; init; }

    [Option("attack-steps", MetaValue = "N", HelpText = "Steps of the attack.")]
    public int? AttackSteps { get; init; }

    [Option("norm", MetaValue = "NORM", HelpText = VerbTexts.Norm)]
    public string? Norm { get; init; }

    [Option("start", MetaValue = "NAME", HelpText = "Where it starts: uniform (anywhere within epsilon), gaussian (0.001 N(0, 1) beside the image), none (at the image), or auto: gaussian for trades, else uniform.")]
    public string? Start { get; init; }

    [Option("early-stop", MetaValue = "true|false", HelpText = "Leave an image where it is once it is misclassified.")]
    public bool? EarlyStop { get; init; }

    [Option("bn-mode", MetaValue = "MODE", HelpText = "BatchNorm while crafting: train (batch statistics) or eval (running statistics).")]
    public string? BnMode { get; init; }

    [Option("attack-precision", MetaValue = "NAME", HelpText = "--precision of the attack, where it is to be another one: bf16 with updates in float32 is a sensible mix.")]
    public string? AttackPrecision { get; init; }

    [Section("Optimisation")]
    [Option("epochs", MetaValue = "N", HelpText = "Passes over the training images.")]
    public int? Epochs { get; init; }

    [Option("batch", MetaValue = "N", HelpText = "Images a step.")]
    public int? Batch { get; init; }

    [Option("lr", MetaValue = "X", HelpText = "Learning rate.")]
    public Fraction? LearningRate { get; init; }

    [Option("schedule", MetaValue = "NAME", HelpText = "How the learning rate falls: cosine, or piecewise at --milestones.")]
    public string? Schedule { get; init; }

    [Option("milestones", MetaValue = "N,N", HelpText = "Epochs at which a piecewise schedule multiplies it by --decay.")]
    public WholeNumbers? Milestones { get; init; }

    [Option("decay", MetaValue = "X", HelpText = "Factor at each milestone.")]
    public Fraction? Decay { get; init; }

    [Option("warmup", MetaValue = "N", HelpText = "Epochs over which the learning rate rises from 0 first.")]
    public int? Warmup { get; init; }

    [Option("momentum", MetaValue = "X", HelpText = "Momentum of SGD.")]
    public Fraction? Momentum { get; init; }

    [Option("weight-decay", MetaValue = "X", HelpText = "Weight decay, on every parameter.")]
    public Fraction? WeightDecay { get; init; }

    [Option("clip-norm", MetaValue = "X", HelpText = "Longest that all gradients together may be; 0: no limit.")]
    public Fraction? ClipNorm { get; init; }

    [Option("awp-gamma", MetaValue = "G", HelpText = "Adversarial weight perturbation: take each gradient at weights moved by this share of their norm to where the loss is larger (the paper: 0.01, with TRADES 0.005); 0: none.")]
    public Fraction? AwpGamma { get; init; }

    [Option("ema-decay", MetaValue = "D", HelpText = "Keep averaged weights too, with this decay a step (such as 0.999): they are validated, saved and reported beside the others; 0: none.")]
    public Fraction? EmaDecay { get; init; }

    [Section("Run")]
    [Option("out", MetaValue = "DIR", HelpText = "Folder to write the run to; it must not hold a run yet.")]
    public string? Out { get; init; }

    [Option("resume", MetaValue = "RUN", HelpText = "Go on with the run in this folder, with its own settings; --epochs N goes on to more epochs.")]
    public string? Resume { get; init; }

    [Option("save-every", MetaValue = "N", HelpText = "Steps between two saves of the state inside an epoch; 0: only at its end.")]
    public int? SaveEvery { get; init; }

    [Option("twin", MetaValue = "true|false", HelpText = "Train a natural twin too, to compare with (by default only on the images built in).")]
    public bool? Twin { get; init; }

    [Option("tensorboard", MetaValue = "true|false", HelpText = "Write event files for TensorBoard into the run's folder tensorboard.")]
    public bool? Tensorboard { get; init; }

    [Option("seed", MetaValue = "N", HelpText = "Seed of everything random: the same seed gives the same bits.")]
    public ulong? Seed { get; init; }

    [Option("device", MetaValue = "NAME", HelpText = VerbTexts.Device)]
    public string Device { get; init; } = DeviceChoice.Auto;

    [Option("cuda-graphs", MetaValue = "on|off", HelpText = VerbTexts.CudaGraphs)]
    public string CudaGraphs { get; init; } = DeviceChoice.On;

    [Option("precision", MetaValue = "NAME", HelpText = VerbTexts.Precision + " Of training steps; what is reported is always measured in float32.")]
    public string? Precision { get; init; }

    [Option("threads", MetaValue = "N", HelpText = VerbTexts.Threads)]
    public int? Threads { get; init; }

    /// <summary>The values that the preset, the command line and --config give, in the form and under the keys of <see cref="RunConfig"/>.</summary>
    public JsonObject Given()
    {
        JsonObject given = Preset is null ? [] : ArgumentReader.Read<TrainVerb>("train", TrainPresets.Options(Preset)).Given();
        foreach (VerbOption option in VerbOption.Of(typeof(TrainVerb)).Where(option => RunConfig.Keys.Contains(option.Name)))
        {
            JsonNode? value = option.Property.GetValue(this) switch
            {
                null => null,
                Fraction fraction => fraction.Value,
                WholeNumbers numbers => new JsonArray([.. numbers.Values.Select(number => JsonValue.Create(number))]),
                bool isOn => isOn,
                int number => number,
                ulong number => number,
                var text => text.ToString(),
            };
            if (value is not null)
                given[option.Name] = value;
        }
        return given;
    }

    /// <summary>The run that the options describe.</summary>
    /// <exception cref="Kernels.Diagnostics.UserErrorException">A value is unknown or out of range.</exception>
    public RunConfig ToRunConfig() => RunConfig.Of(Given(), "train");

    public override string? DefaultOf(string option) => option is "model" or "epsilon" or "step-size" or "natural-pass" ? null : new RunConfig().ToJson()[option] switch
    {
        null or JsonArray => null,
        var value when value.GetValueKind() == JsonValueKind.Number => NumberText.Of(value.GetValue<double>()),
        var value => value.ToString(),
    };
}
