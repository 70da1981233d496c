using Ascl.Autograd;
using Ascl.Autograd.Checking;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Testing;

namespace Ascl.Models.Tests.Networks;

/// <summary>PreActResNet-18 has no golden file; this compares its forward pass with one in double precision, written from the definition
/// of pytorch-cifar's PreActBlock.</summary>
public sealed class PreActResNetTests
{
    [Theory]
    [InlineData("preactresnet18")]
    [InlineData("preactresnet18-bn")]
    public void MatchesTheDefinition(string network)
    {
        using CpuDevice device = new(2);
        const int Count = 2, Size = 8;
        Classifier model = Made.Classifier(device, network);
        Made.DisturbNorms(model, 1);
        Dictionary<string, double[]> w = model.Parameters.All.ToDictionary(t => t.Name, t => Tolerance.ToDouble(t.Tensor.ToArray()));
        Tensor images = Made.Images(device, Count, 3, Size);

        double[] x = Conv("conv1", Tolerance.ToDouble(images.ToArray()), 3, 64, Size, 3, 1);
        int channels = 64, size = Size;
        foreach (var (stage, width) in new[] { (1, 64), (2, 128), (3, 256), (4, 512) })
            foreach (int block in new[] { 0, 1 })
            {
                string name = $"layer{stage}.{block}";
                int stride = stage > 1 && block == 0 ? 2 : 1, smaller = size / stride;
                double[] activated = NormRelu($"{name}.bn1", x, channels, size);
                double[] identity = channels == width ? x : Conv($"{name}.shortcut.0", activated, channels, width, size, 1, stride);
                double[] convolved = Conv($"{name}.conv1", activated, channels, width, size, 3, stride);
                double[] inner = NormRelu($"{name}.bn2", convolved, width, smaller);
                x = [.. Conv($"{name}.conv2", inner, width, width, smaller, 3, 1).Zip(identity, (a, b) => a + b)];
                (channels, size) = (width, smaller);
            }
        if (network == "preactresnet18-bn")
            x = NormRelu("bn", x, channels, size);
        double[] latent = [.. x.Chunk(size * size).Select(plane => plane.Average())];
        double[] logits = [.. Enumerable.Range(0, Count * 10).Select(i => w["linear.bias"][i % 10]
            + Enumerable.Range(0, 512).Sum(d => w["linear.weight"][i % 10 * 512 + d] * latent[i / 10 * 512 + d]))];

        foreach (ForwardMode mode in new[] { ForwardMode.Evaluate, ForwardMode.Inference })
        {
            ModelOutput output = model.Forward(images, mode);
            Tolerance.Close(latent, output.Latent.ToArray(), 2e-5, $"{mode} latent");
            Tolerance.Close(logits, output.Logits.ToArray(), 2e-5, $"{mode} logits");
        }

        double[] Conv(string name, double[] input, int inputs, int outputs, int size, int kernel, int stride) =>
            ReferenceConv2d.Forward(input, (Count, inputs, size, size), w[$"{name}.weight"], (outputs, kernel, kernel), stride, kernel / 2);

        double[] NormRelu(string name, double[] input, int channels, int size) => [.. input.Select((v, i) =>
        {
            int c = i / (size * size) % channels;
            double normalised = (v - w[$"{name}.running_mean"][c]) / Math.Sqrt(w[$"{name}.running_var"][c] + 1e-5);
            return Math.Max(0, normalised * w[$"{name}.weight"][c] + w[$"{name}.bias"][c]);
        })];
    }
}
