using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>Makes what a configuration names.</summary>
public static class RunParts
{
    /// <summary>The classifier at the start of a run: drawn anew, or with the weights of <see cref="RunConfig.From"/>. From those a linear evaluation takes the
    /// encoder only; what has no counterpart of its name and shape there starts anew, and the last layer where it is of other classes.</summary>
    /// <param name="note">Told what a user should know of the weights, a line each; null for nobody.</param>
    /// <exception cref="UserErrorException">The network does not take such images, there is no such network, or the weights are of another one.</exception>
    public static Classifier Classifier(RunConfig config, DataSet data, Device device, Action<string>? note = null)
    {
        ImageSet images = data.Train;
        CheckImages(config.Model, images);
        var (mean, std) = InputNormalization.Of(config.Normalize, data);
        int head = config.Method is "ascl" or "supcon" ? config.Head : 0;
        ClassifierSpec spec = new(config.Model, images.Channels, data.ClassNames.Count, mean, std, head, Activation(config.Activation), data.ClassNames);
        if (config.From is null)
            return new Classifier(device, spec, config.Seed);
        Classifier source = Pretrained(config, spec, device, note);
        Classifier model = new(device, spec with { Mean = source.Spec.Mean, Std = source.Spec.Std }, config.Seed) { Provenance = source.Provenance };
        string? difference = config.Method == "linear" ? null : ClassNames.Difference(source.Spec.ClassNames, data.Name, data.ClassNames);
        if (difference is not null)
            note?.Invoke($"{config.From}: {difference}: its last layer starts anew");
        model.CopyFrom(source, except: config.Method == "linear" || difference is not null ? model.HeadPrefix : null);
        return model;
    }

    /// <summary>Whether the run makes a classifier: pre-training makes an encoder only.</summary>
    public static bool TrainsLogits(RunConfig config) => config.Method != "supcon";

    /// <summary>The weights that a run goes out from; their input normalisation is their own unless the configuration names one.</summary>
    private static Classifier Pretrained(RunConfig config, ClassifierSpec wanted, Device device, Action<string>? note)
    {
        string file = RunFolder.Weights(config.From!);
        Classifier source = ClassifierFile.Load(device, file, new()
        {
            Network = config.Model,
            Normalization = config.Normalize == InputNormalization.Auto ? null : (wanted.Mean, wanted.Std),
            Note = note,
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

    /// <summary>Whether a network takes images of this size.</summary>
    public static bool Takes(string network, ImageSet images) =>
        network != "smallcnn" || (images.Height, images.Width) == (SmallCnn.ImageSize, SmallCnn.ImageSize);

    /// <exception cref="UserErrorException">The network does not take images of this size.</exception>
    public static void CheckImages(string network, ImageSet images)
    {
        if (!Takes(network, images))
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
        "trades" or "pgd-at" => Foundation(c, c.Method),
        _ => throw NearestName.Unknown("method", c.Method, RunConfig.Methods),
    };

    private static ViewPairing Pairing(string name) => name switch
    {
        "jointly" => ViewPairing.Jointly,
        "same-kind" => ViewPairing.SameKind,
        "same-view" => ViewPairing.SameView,
        _ => throw NearestName.Unknown("view-pairing", name, RunConfig.ViewPairings),
    };

    private static IObjective Foundation(RunConfig c, string name) => name switch
    {
        "trades" => new TradesObjective(c.TradesBeta, c.LabelSmoothing),
        "pgd-at" => new PgdAtObjective(c.NaturalWeight, c.RobustWeight, c.LabelSmoothing, c.NaturalPass),
        _ => throw NearestName.Unknown("foundation", name, RunConfig.Foundations),
    };

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
            "auto" => loss == AttackLoss.KullbackLeibler ? AttackStart.Normal : AttackStart.Uniform,
            _ => throw NearestName.Unknown("start", c.Start, RunConfig.Starts),
        };
        ForwardMode mode = c.BnMode == "train" && c.Method != "linear" ? ForwardMode.Train : ForwardMode.Inference;
        return new PgdAttack(new(c.Epsilon, c.StepSize, c.AttackSteps, c.Threat.Norm, start, loss, mode, c.EarlyStop));
    }

    /// <summary>The attack that validation images meet, whatever was trained with: as many steps as in training, but at least ten where those are fewer than
    /// five, too few to tell robustness.</summary>
    public static PgdAttack ValidationAttack(RunConfig c) => PgdAttack.Standard(c.Threat, c.AttackSteps < 5 ? 10 : c.AttackSteps);

    /// <summary>The attacks that the final report tells of, and evaluations by default: FGSM and PGD-20, whatever was trained with.</summary>
    public static PgdAttack[] ReportAttacks(RunConfig c) => [PgdAttack.Fgsm(c.Epsilon, c.Threat.Norm), PgdAttack.Standard(c.Threat, 20)];

    public static Augmentation Augmentation(RunConfig c, DataSet data) => c.Augment switch
    {
        "on" => Data.Augmentation.CropAndFlip,
        "off" => Data.Augmentation.None,
        _ => c.Views == 1 ? data.Augmentation : Data.Augmentation.CropAndFlip,
    };
}
