using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Tests;

/// <summary>logits = W·pixels + b: a classifier of which everything is known in closed form.</summary>
internal sealed class LinearNetwork(ParameterSet parameters, NetworkSettings settings, int pixels) : INetwork
{
    private readonly Tensor weight = parameters.Uniform("linear.weight", new(settings.Classes, pixels), pixels), bias = parameters.Uniform("linear.bias", new(settings.Classes), pixels);

    public int LatentSize => pixels;
    public string HeadPrefix => "linear.";

    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        Tensor latent = x.Flatten();
        return new(latent, latent.Linear(weight, bias));
    }

    public static Classifier Classifier(Device device, int classes = Made.Classes, ulong seed = 4) =>
        new(device, new("linear", Made.Channels, classes, [], []), (parameters, settings) => new LinearNetwork(parameters, settings, Made.Image), seed);

    public static (float[] Weight, float[] Bias) Weights(Classifier model) =>
        (model.Parameters.All.First(p => p.Name == "linear.weight").Tensor.ToArray(), model.Parameters.All.First(p => p.Name == "linear.bias").Tensor.ToArray());
}
