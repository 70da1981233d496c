using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;

namespace Ascl.Robustness.Runs;

/// <summary>The naturally trained network that labels the helper images of a run (<see cref="ModelSettings.Natural"/>).</summary>
public static class NaturalNetwork
{
    /// <summary>Loads it; null for methods without helper images.</summary>
    /// <param name="note">Receives notes about the weights, one line each; null to ignore them.</param>
    /// <exception cref="UserErrorException">The configuration names none, or it is not a classifier of such images with the same
    /// classes.</exception>
    public static Classifier? Of(RunConfig config, DataSet data, Device device, Action<string>? note = null)
    {
        if (config.Method.HelperReach is null)
            return null;
        return Load(config.Checked("configuration").Model.Natural!, data, device, note);
    }

    /// <summary>Loads a network that labels images of the run.</summary>
    /// <param name="fileOrRun">A weight file, or a run's folder for its best checkpoint.</param>
    /// <exception cref="UserErrorException">It is not a classifier of such images with the same classes.</exception>
    internal static Classifier Load(string fileOrRun, DataSet data, Device device, Action<string>? note)
    {
        string file = RunFolder.WeightsFile(fileOrRun);
        Classifier natural = RunFolder.RequireClassifier(ClassifierFile.Load(device, file, new() { Note = note }), file);
        ImageSet images = data.Train;
        if (natural.Spec.Channels != images.Channels)
            throw Error($"the network takes images of {natural.Spec.Channels} channels, the data have {images.Channels}");
        if (natural.ImageSize is { } size && size != (images.Height, images.Width))
            throw Error($"the network takes images of {size.Height}x{size.Width} pixels, the data have {images.Height}x{images.Width}");
        if (natural.Spec.Classes != data.ClassNames.Count)
            throw Error($"the network has {natural.Spec.Classes} classes, the data {data.ClassNames.Count}");
        return ClassNames.Difference(natural.Spec.ClassNames, data.Name, data.ClassNames) is { } difference
            ? throw Error(difference)
            : natural;

        UserErrorException Error(string problem) => new($"{file}: {problem}");
    }
}
