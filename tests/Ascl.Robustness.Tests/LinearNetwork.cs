using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Tests;

/// <summary>
/// logits = W·pixels + b: a classifier of which everything is known in closed form. With noise every pass draws a W of its own around it.
/// </summary>
/// <param name="change">What becomes of its logits; null for nothing.</param>
internal sealed class LinearNetwork(
    ParameterSet parameters, NetworkSettings settings, int pixels, float noise = 0, Func<Tensor, Tensor>? change = null) : INetwork
{
    private uint passes;
    private readonly Tensor weight = parameters.Uniform("linear.weight", new(settings.Classes, pixels), pixels);
    private readonly Tensor bias = parameters.Uniform("linear.bias", new(settings.Classes), pixels);

    public int LatentSize => pixels;
    public string HeadPrefix => "linear.";
    public bool RunsInPieces => noise == 0;

    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        Tensor latent = x.Flatten(), logits = latent.Linear(noise == 0 ? weight : Drawn(), bias);
        return new(latent, change is null ? logits : change(logits));
    }

    private Tensor Drawn() => Tensor.FromArray(
        weight.Device, weight.Shape, [.. weight.ToArray().Zip(Noise(passes++, weight.Shape.Length), (w, d) => w + noise * d)]);

    /// <summary>What a pass adds to W, in units of the noise.</summary>
    public static float[] Noise(uint pass, int length)
    {
        float[] drawn = new float[length];
        Philox.FillNormal(drawn, new RandomKey(17, RandomPurpose.Test, pass), 1);
        return drawn;
    }

    public static Classifier Classifier(
        Device device, int classes = Made.Classes, ulong seed = 4, float noise = 0, Func<Tensor, Tensor>? change = null) =>
        new(device, new("linear", Made.Channels, classes, [], []),
            (parameters, settings) => new LinearNetwork(parameters, settings, Made.Image, noise, change), seed);

    public static (float[] Weight, float[] Bias) Weights(Classifier model) =>
        (model.Parameters.All.First(p => p.Name == "linear.weight").Tensor.ToArray(),
            model.Parameters.All.First(p => p.Name == "linear.bias").Tensor.ToArray());

    /// <summary>The length of the smallest change of an image, within [0, 1], that reaches the boundary with any wrong class.</summary>
    public static double Distance(Classifier model, PerturbationNorm norm, float[] x, int label)
    {
        var (weight, bias) = Weights(model);
        return Enumerable.Range(0, bias.Length).Where(c => c != label).Min(c =>
        {
            double[] w = [.. Enumerable.Range(0, x.Length).Select(i => (double)weight[c * x.Length + i] - weight[label * x.Length + i])];
            return Distance(norm, x, w, bias[label] - bias[c] - w.Zip(x, (a, b) => a * b).Sum());
        });
    }

    /// <summary>The length of the smallest δ with w·δ = shift, by bisection.</summary>
    private static double Distance(PerturbationNorm norm, float[] x, double[] w, double shift)
    {
        double low = 0, high = 1e4;
        for (int i = 0; i < 200; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Moves(middle).Zip(w, (d, v) => d * Math.Abs(v)).Sum() < Math.Abs(shift) ? (middle, high) : (low, middle);
        }
        return norm == PerturbationNorm.Linf ? Moves(high).Max() : Math.Sqrt(Moves(high).Sum(d => d * d));

        IEnumerable<double> Moves(double t) =>
            x.Zip(w, (p, v) => Math.Min(norm == PerturbationNorm.Linf ? t : t * Math.Abs(v), Math.Sign(shift) * v > 0 ? 1.0 - p : p));
    }
}
