using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>Makes what a configuration names.</summary>
public static class RunParts
{
    /// <summary>The classifier at the start of a run: drawn anew, or with the weights of <see cref="RunConfig.From"/>. From those a linear evaluation takes the
    /// encoder only; what has no counterpart of its name and shape there starts anew.</summary>
    /// <exception cref="UserErrorException">The network does not take such images, there is no such network, or the weights are of another one.</exception>
    public static Classifier Classifier(RunConfig config, DataSet data, Device device)
    {
        ImageSet images = data.Train;
        CheckImages(config.Model, images);
        var (mean, std) = InputNormalization.Of(config.Normalize, data);
        int head = config.Method is "ascl" or "supcon" ? config.Head : 0;
        ClassifierSpec spec = new(config.Model, images.Channels, data.ClassNames.Count, mean, std, head, Activation(config.Activation));
        if (config.From is null)
            return new Classifier(device, spec, config.Seed);
        Classifier source = Pretrained(config, spec, device);
        Classifier model = new(device, spec with { Mean = source.Spec.Mean, Std = source.Spec.Std }, config.Seed);
        model.CopyFrom(source, except: config.Method == "linear" ? model.HeadPrefix : null);
        return model;
    }

    /// <summary>Whether the run makes a classifier: pre-training makes an encoder only.</summary>
    public static bool TrainsLogits(RunConfig config) => config.Method != "supcon";

    /// <summary>The weights that a run goes out from; their input normalisation is their own unless the configuration names one.</summary>
    private static Classifier Pretrained(RunConfig config, ClassifierSpec wanted, Device device)
    {
        string file = RunFolder.Weights(config.From!);
        Classifier source = ClassifierFile.Load(device, file, new()
        {
            Network = config.Model,
            Normalization = config.Normalize == InputNormalization.Auto ? null : (wanted.Mean, wanted.Std),
        });
        if (source.Spec.Activation != wanted.Activation)
            throw new UserErrorException($"{file}: its activation is {source.Spec.Activation.ToString().ToLowerInvariant()}: give --activation accordingly");
        return source.Spec.Channels == wanted.Channels
            ? source
            : throw new UserErrorException($"{file}: the network takes images of {source.Spec.Channels} channels, the data have {wanted.Channels}");
    }

    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static Activation Activation(string name) =>
        RunConfig.Activations.Contains(name) ? Enum.Parse<Activation>(name, ignoreCase: true) : throw NearestName.Unknown("activation", name, RunConfig.Activations);

    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static Precision Precision(string name) =>
        RunConfig.Precisions.Contains(name) ? Enum.Parse<Precision>(name, ignoreCase: true) : throw NearestName.Unknown("precision", name, RunConfig.Precisions);

    /// <exception cref="UserErrorException">The network does not take images of this size.</exception>
    public static void CheckImages(string network, ImageSet images)
    {
        if (network == "smallcnn" && (images.Height, images.Width) != (SmallCnn.ImageSize, SmallCnn.ImageSize))
            throw new UserErrorException($"smallcnn takes images of {SmallCnn.ImageSize}x{SmallCnn.ImageSize} pixels, {images.Name} has {images.Height}x{images.Width}: choose another --model, such as resnet18");
    }

    public static IObjective Objective(RunConfig c) => c.Method switch
    {
        "natural" => new NaturalObjective(c.LabelSmoothing),
        "linear" => new PgdAtObjective(1, 1, c.LabelSmoothing),
        "supcon" => new SupConObjective(ContrastiveSettings.Of(c.Strategy, c.Distance, c.Temperature, c.NormalizeRows)),
        "adr" => new AdrObjective(Foundation(c, c.Foundation),
            new(c.LocalCompactnessWeight, c.LocalSmoothnessWeight, c.GlobalCompactnessWeight, c.GlobalSmoothnessWeight, c.ConfidenceWeight)),
        "ascl" => new AsclObjective(Foundation(c, c.Foundation),
            ContrastiveSettings.Of(c.Strategy, c.Distance, c.Temperature, c.NormalizeRows), c.ContrastiveWeight, c.VatWeight, Pairing(c.ViewPairing)),
        _ => Foundation(c, c.Method),
    };

    private static ViewPairing Pairing(string name) => name switch
    {
        "same-kind" => ViewPairing.SameKind,
        "same-view" => ViewPairing.SameView,
        _ => ViewPairing.Jointly,
    };

    private static IObjective Foundation(RunConfig c, string name) => name == "trades"
        ? new TradesObjective(c.TradesBeta, c.LabelSmoothing)
        : new PgdAtObjective(c.NaturalWeight, c.RobustWeight, c.LabelSmoothing);

    /// <summary>The attack that training images are crafted with; null for an objective without one.</summary>
    public static PgdAttack? Attack(RunConfig c, IObjective objective)
    {
        if (objective.Attack is not { } loss)
            return null;
        AttackStart start = c.Start switch
        {
            "none" => AttackStart.None,
            "uniform" => AttackStart.Uniform,
            "gaussian" => AttackStart.Normal,
            _ => loss == AttackLoss.KullbackLeibler ? AttackStart.Normal : AttackStart.Uniform,
        };
        ForwardMode mode = c.BnMode == "train" && c.Method != "linear" ? ForwardMode.Train : ForwardMode.Frozen;
        return new PgdAttack(new(c.Epsilon, c.StepSize, c.AttackSteps, Norm(c.Norm), start, loss, mode, c.EarlyStop));
    }

    /// <summary>The attack that validation images meet: the one trained with, from a random start in evaluation mode. Where that is too weak to tell robustness,
    /// as in training by a single step, PGD-10 with steps of ε/4.</summary>
    public static PgdAttack ValidationAttack(RunConfig c)
    {
        bool isWeak = c.AttackSteps < 5 || c.StepSize > c.Epsilon / 2;
        return new(new(c.Epsilon, isWeak ? c.Epsilon / 4 : c.StepSize, isWeak ? Math.Max(10, c.AttackSteps) : c.AttackSteps, Norm(c.Norm)));
    }

    /// <summary>The attack that the final report tells of: PGD-20 with the steps of training, but none longer than ε/4, whatever was trained with.</summary>
    public static PgdAttack ReportAttack(RunConfig c) => new(new(c.Epsilon, Math.Min(c.StepSize, c.Epsilon / 4), 20, Norm(c.Norm)));

    public static PerturbationNorm Norm(string name) => name == "l2" ? PerturbationNorm.L2 : PerturbationNorm.Linf;

    public static Augmentation Augmentation(RunConfig c, DataSet data) => c.Augment switch
    {
        "on" => Data.Augmentation.CropAndFlip,
        "off" => Data.Augmentation.None,
        _ => c.Views == 1 ? data.Augmentation : Data.Augmentation.CropAndFlip,
    };
}
