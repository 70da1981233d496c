using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Benchmarks;

/// <summary>The exchange of a training step by several processes: the gradients of a network, one array per rank, are added.</summary>
/// <param name="communicator">The processes.</param>
/// <param name="device">Device that the network is created on to count its parameters.</param>
/// <param name="network">A name from <see cref="Models.Networks.NetworkCatalog"/>.</param>
public sealed class ExchangeBenchmark(Communicator communicator, Device device, string network)
{
    /// <summary>Trained parameters of the network: floats in the message.</summary>
    public int Length { get; } = new Classifier(device, new(network, network == "smallcnn" ? 1 : 3, 10, [], []), seed: null)
        .Parameters.Trained.Sum(tensor => tensor.Shape.Length);

    /// <summary>One exchange, which begins on all ranks together. Collective.</summary>
    public Action Work()
    {
        TreeSum sum = new(communicator, new(communicator.Size, communicator.Size), Length);
        float[] own = TreeSum.NewArray(Length);
        Array.Fill(own, 1f);
        return () =>
        {
            communicator.Any(false);
            sum.Run([own]);
        };
    }
}
