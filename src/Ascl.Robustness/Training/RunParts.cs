using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>Makes what a configuration names.</summary>
public static class RunParts
{
    /// <exception cref="UserErrorException">The network does not take such images, or there is no such network.</exception>
    public static Classifier Classifier(RunConfig config, DataSet data, Device device)
    {
        var (mean, std) = Normalization(config.Normalize, data);
        ImageSet images = data.Train;
        CheckImages(config.Model, images);
        int head = config.Method == "ascl" ? config.Head : 0;
        return new Classifier(device, new(config.Model, images.Channels, data.ClassNames.Count, mean, std, head, Activation(config.Activation)), config.Seed);
    }

    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static Activation Activation(string name) =>
        RunConfig.Activations.Contains(name) ? Enum.Parse<Activation>(name, ignoreCase: true) : throw NearestName.Unknown("activation", name, RunConfig.Activations);

    /// <exception cref="UserErrorException">The network does not take images of this size.</exception>
    public static void CheckImages(string network, ImageSet images)
    {
        if (network == "smallcnn" && (images.Height, images.Width) != (SmallCnn.ImageSize, SmallCnn.ImageSize))
            throw new UserErrorException($"smallcnn takes images of {SmallCnn.ImageSize}x{SmallCnn.ImageSize} pixels, {images.Name} has {images.Height}x{images.Width}: choose another --model, such as resnet18");
    }

    public static IObjective Objective(RunConfig c) => c.Method switch
    {
        "natural" => new NaturalObjective(c.LabelSmoothing),
        "adr" => new AdrObjective(Foundation(c, c.Foundation),
            new(c.LocalCompactnessWeight, c.LocalSmoothnessWeight, c.GlobalCompactnessWeight, c.GlobalSmoothnessWeight, c.ConfidenceWeight)),
        "ascl" => new AsclObjective(Foundation(c, c.Foundation),
            ContrastiveSettings.Of(c.Strategy, c.Distance, c.Temperature, c.NormalizeRows), c.ContrastiveWeight, c.VatWeight),
        _ => Foundation(c, c.Method),
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
        return new PgdAttack(new(c.Epsilon, c.StepSize, c.AttackSteps, Norm(c.Norm), start, loss, c.BnMode == "train" ? ForwardMode.Train : ForwardMode.Frozen, c.EarlyStop));
    }

    public static PerturbationNorm Norm(string name) => name == "l2" ? PerturbationNorm.L2 : PerturbationNorm.Linf;

    public static Augmentation Augmentation(RunConfig c, DataSet data) => c.Augment switch
    {
        "on" => Data.Augmentation.CropAndFlip,
        "off" => Data.Augmentation.None,
        _ => data.Augmentation,
    };

    /// <summary>Mean and standard deviation of the input layer by name; "auto" takes the data's, "none" does nothing.</summary>
    /// <exception cref="UserErrorException">It is for images of another number of channels, or there is none of that name.</exception>
    public static (float[] Mean, float[] Std) Normalization(string name, DataSet data)
    {
        var (mean, std) = Normalization(name, data.Normalization);
        return mean.Length == 0 || mean.Length == data.Train.Channels
            ? (mean, std)
            : throw new UserErrorException($"the input normalisation {name} is for {mean.Length} channels, {data.Name} has {data.Train.Channels}");
    }

    private static (float[] Mean, float[] Std) Normalization(string name, Func<(float[], float[])> ofData) => name switch
    {
        "none" => ([], []),
        "auto" => ofData(),
        "cifar10" => ([0.4914f, 0.4822f, 0.4465f], [0.2471f, 0.2435f, 0.2616f]),
        "cifar100" => ([0.5071f, 0.4865f, 0.4409f], [0.2673f, 0.2564f, 0.2762f]),
        "mnist" => ([0.1307f], [0.3081f]),
        "fashion-mnist" => ([0.2860f], [0.3530f]),
        _ => throw NearestName.Unknown("normalization", name, RunConfig.Normalizations),
    };
}
