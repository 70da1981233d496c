using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Networks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Runs;

/// <summary>The classifier that a run starts from.</summary>
public static class StartingModel
{
    /// <summary>Drawn anew, or with the weights of <see cref="ModelSettings.From"/>. From those a linear evaluation takes the encoder only;
    /// what has no counterpart of its name and shape there starts anew, and the last layer where it is of other classes.</summary>
    /// <param name="note">Told what a user should know of the weights, a line each; null for nobody.</param>
    /// <exception cref="UserErrorException">The network does not take such images, there is no such network, or the weights are of another
    /// one.</exception>
    public static Classifier Of(RunConfig config, DataSet data, Device device, Action<string>? note = null)
    {
        ImageSet images = data.Train;
        CheckImages(config.Model.Network, images);
        var (mean, std) = InputNormalization.Of(config.Model.Normalize, data);
        int head = config.Method.Contrastive is null ? 0 : config.Model.Head;
        ClassifierSpec spec = new(config.Model.Network, images.Channels, data.ClassNames.Count, mean, std, head, config.Model.Activation,
            data.ClassNames);
        if (config.Model.From is not { } from)
            return new Classifier(device, spec, config.Training.Seed);
        Classifier source = Pretrained(config.Model, from, spec, device, note);
        Classifier model = new(device, spec with { Mean = source.Spec.Mean, Std = source.Spec.Std }, config.Training.Seed)
        { Provenance = source.Provenance };
        bool isHeadOnly = config.Method.Trains == TrainedLayers.Head;
        string? difference = isHeadOnly ? null : ClassNames.Difference(source.Spec.ClassNames, data.Name, data.ClassNames);
        if (difference is not null)
            note?.Invoke($"{from}: {difference}: its last layer starts anew");
        model.CopyFrom(source, except: isHeadOnly || difference is not null ? model.HeadPrefix : null);
        return model;
    }

    /// <summary>Whether a network takes images of this size.</summary>
    public static bool Takes(string network, ImageSet images) =>
        network != "smallcnn" || (images.Height, images.Width) == (SmallCnn.ImageSize, SmallCnn.ImageSize);

    /// <summary>The network for images of this size if none is named: smallcnn if it takes them, resnet20 otherwise.</summary>
    public static string DefaultNetwork(ImageSet images) => Takes("smallcnn", images) ? "smallcnn" : "resnet20";

    /// <exception cref="UserErrorException">The network does not take images of this size.</exception>
    public static void CheckImages(string network, ImageSet images)
    {
        if (!Takes(network, images))
            throw new UserErrorException($"smallcnn takes images of {SmallCnn.ImageSize}x{SmallCnn.ImageSize} pixels, {images.Name} has "
                + $"{images.Height}x{images.Width}: "
                + "choose another model, such as resnet18");
    }

    /// <summary>The input normalisation of weights is their own unless the configuration names one.</summary>
    private static Classifier Pretrained(ModelSettings settings, string from, ClassifierSpec wanted, Device device, Action<string>? note)
    {
        string file = RunFolder.Weights(from);
        Classifier source = ClassifierFile.Load(device, file, new()
        {
            Network = settings.Network,
            Normalization = settings.Normalize == InputNormalization.Auto ? null : (wanted.Mean, wanted.Std),
            Note = note,
        });
        if (source.Spec.Activation != wanted.Activation)
            throw new UserErrorException($"{file}: its activation is {NameText.Of(source.Spec.Activation)}: set activation accordingly");
        return source.Spec.Channels == wanted.Channels
            ? source
            : throw new UserErrorException($"{file}: the network takes images of {source.Spec.Channels} channels, the data have "
                + $"{wanted.Channels}");
    }
}
