using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Networks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Runs;

/// <summary>Creates the initial classifier of a run.</summary>
public static class StartingModel
{
    /// <summary>A classifier with random weights, or with those of <see cref="ModelSettings.From"/>. A linear evaluation takes only the
    /// encoder from there. Parameters without a counterpart of the same name and shape are initialised randomly, as is the last layer if
    /// the classes differ.</summary>
    /// <param name="note">Receives notes about the weights, one line each; null to ignore them.</param>
    /// <exception cref="UserErrorException">The network is unknown, does not accept such images, or does not match the weights.</exception>
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
        {
            Provenance = source.Provenance,
        };
        bool isHeadOnly = config.Method.Trains == TrainedLayers.Head;
        string? difference = isHeadOnly ? null : ClassNames.Difference(source.Spec.ClassNames, data.Name, data.ClassNames);
        if (difference is not null)
            note?.Invoke($"{from}: {difference}: its last layer is initialised randomly");
        model.CopyFrom(source, except: isHeadOnly || difference is not null ? model.HeadPrefix : null);
        return model;
    }

    /// <summary>Whether a network accepts images of this size.</summary>
    public static bool Accepts(string network, ImageSet images) =>
        NetworkCatalog.ImageSizeOf(network) is not { } size || size == (images.Height, images.Width);

    /// <summary>The network for images of this size if none is named: smallcnn if it takes them, resnet20 otherwise.</summary>
    public static string DefaultNetwork(ImageSet images) => Accepts("smallcnn", images) ? "smallcnn" : "resnet20";

    /// <summary>Checks that a network accepts images of this size.</summary>
    /// <exception cref="UserErrorException">It does not.</exception>
    public static void CheckImages(string network, ImageSet images)
    {
        if (!Accepts(network, images) && NetworkCatalog.ImageSizeOf(network) is var (height, width))
            throw new UserErrorException($"{network} takes images of {height}x{width} pixels, {images.Name} has "
                + $"{images.Height}x{images.Width}: choose another model, such as resnet18");
    }

    /// <summary>Loads the weights, with their own input normalisation unless the configuration names one.</summary>
    private static Classifier Pretrained(ModelSettings settings, string from, ClassifierSpec wanted, Device device, Action<string>? note)
    {
        string file = RunFolder.WeightsFile(from);
        Classifier source = ClassifierFile.Load(device, file, new()
        {
            Network = settings.Network,
            Normalization = settings.Normalize == InputNormalization.Auto ? null : (wanted.Mean, wanted.Std),
            Note = note,
        });
        if (source.Spec.Network != wanted.Network)
            throw new UserErrorException($"{file}: its tensors are those of {source.Spec.Network}: set model accordingly");
        if (source.Spec.Activation != wanted.Activation)
            throw new UserErrorException($"{file}: its activation is {NameText.Of(source.Spec.Activation)}: set activation accordingly");
        return source.Spec.Channels == wanted.Channels
            ? source
            : throw new UserErrorException($"{file}: the network takes images of {source.Spec.Channels} channels, the data have "
                + $"{wanted.Channels}");
    }
}
