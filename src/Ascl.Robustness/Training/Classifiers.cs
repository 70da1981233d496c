using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;

namespace Ascl.Robustness.Training;

/// <summary>Makes classifiers for the images of a data set.</summary>
public static class Classifiers
{
    /// <summary>A new classifier with a custom network.</summary>
    /// <param name="device">Where its tensors live.</param>
    /// <param name="data">Determines channels, classes and input normalisation.</param>
    /// <param name="network">Name of the network in messages and files.</param>
    /// <param name="create">Creates the network.</param>
    /// <param name="projectionSize">Width of the linear projection of the latent for contrastive objectives; 0 for none.</param>
    /// <param name="seed">Seed of the initial weights.</param>
    public static Classifier For(Device device, DataSet data, string network, NetworkFactory create, int projectionSize = 0,
        ulong seed = 1) =>
        new(device, Spec(data, network, projectionSize), create, seed);

    /// <summary>A new classifier with a network of <see cref="NetworkCatalog"/>.</summary>
    /// <inheritdoc cref="For(Device, DataSet, string, NetworkFactory, int, ulong)"/>
    /// <exception cref="Core.Diagnostics.UserErrorException">There is no network of this name.</exception>
    public static Classifier For(Device device, DataSet data, string network, int projectionSize = 0, ulong seed = 1) =>
        new(device, Spec(data, network, projectionSize), seed);

    private static ClassifierSpec Spec(DataSet data, string network, int projectionSize)
    {
        var (mean, std) = data.Normalization();
        return new(network, data.Train.Channels, data.ClassNames.Count, mean, std, projectionSize, NetworkCatalog.ActivationOf(network),
            data.ClassNames);
    }
}
