using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Runs;

/// <summary>The extra images of a run (<see cref="DataSettings.Extra"/>).</summary>
public static class ExtraData
{
    /// <summary>Adds them to the run's data set: the training part of the data set that the configuration names, with its own labels or
    /// those that a network predicts.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="data">The data set of the original images.</param>
    /// <param name="device">What the network predicts on; the labels do not depend on the size of its batches.</param>
    /// <param name="open">Opens a data set, given its source and how to read it; null: <see cref="DataSource.Open"/>.</param>
    /// <param name="note">Receives notes about the network's weights, one line each; null to ignore them.</param>
    /// <returns><paramref name="data"/> itself if the configuration names no extra images.</returns>
    /// <exception cref="UserErrorException">A file cannot be read, or the extra images or the network do not fit the original
    /// images.</exception>
    public static DataSet AddTo(
        DataSet data, RunConfig config, Device device, Func<string, DataOptions, DataSet>? open = null, Action<string>? note = null)
    {
        DataSettings settings = config.Data;
        if (settings.Extra is not { } source)
            return data;
        DataOptions reading = settings.Reading with { TestShare = null, AllowEmptyClasses = true };
        DataSet found = open is null ? DataSource.Open(source, reading) : open(source, reading);
        if (!found.HasTrainPart)
            throw new UserErrorException($"extra-data {source}: has no training images, only a test part");
        if (settings.ExtraLabels is not { } weights)
            return data with { Extra = new(ExtraImages.Fitted(found.Train, data.Train), settings.ExtraShare) };
        ExtraImages.CheckSize(found.Train, data.Train);
        Classifier network = NaturalNetwork.Load(weights, data, device, note);
        ImageSet labelled = found.Train.WithLabels(Predicted(network, found.Train, config.Training.Batch), data.ClassNames);
        return data with { Extra = new(labelled, settings.ExtraShare) };
    }

    private static int[] Predicted(Classifier network, ImageSet images, int batch) =>
    [
        .. new DeviceBatches(network.Device, images, batch)
            .SelectMany(one => network.Forward(one.OnDevice.Images, ForwardMode.Inference).Logits.Predict().ToArray()),
    ];
}
