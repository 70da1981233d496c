using Ascl.Autograd;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Xunit.Abstractions;

namespace Ascl.Models.Tests.Networks;

/// <summary>
/// Networks against golden values in float64 from PyTorch. Weights, images and test vectors follow from their names by the formula in
/// tests/fixtures/networks.py, so a file holds results only; of tensors as large as the weights, their norm and two products.
/// </summary>
public sealed class SeededGoldenTests(ITestOutputHelper output)
{
    private const int Images = 4, Size = 32, Classes = 10;

    /// <summary>Of the largest entry, or of a tensor's norm.</summary>
    private const double LogitsAllowed = 1e-4, GradientAllowed = 1e-3;

    /// <summary>Of a gradient's norm where an activation may be ReLU: some of its inputs are 0 to within rounding, and one of them can
    /// move the gradient by as much.</summary>
    private const double BranchesAllowed = 0.1;

    /// <summary>A bias before BatchNorm with batch statistics has the gradient 0; rounding leaves so much of that of its
    /// weight.</summary>
    private const double VanishingAllowed = 1e-4;

    public static TheoryData<string> Networks { get; } =
        new("wrn-16-2-swish", "preactresnet18-swish", "preactresnet50", "vgg16", "mobilenetv2", "densenet121",
            "resnet20-a");

    [Theory, MemberData(nameof(Networks))]
    public void NamesAndShapesAreThoseOfPyTorch(string network)
    {
        using CpuDevice device = new(2);
        using SafetensorsFile file = Golden(network);
        Classifier model = new(device, new(network, 3, Classes, [], []), seed: null);
        IEnumerable<string> ours = model.Parameters.All.Select(t => $"{t.Name} {t.Tensor.Shape}");
        Assert.Equal(file.Metadata["tensors"].Split('\n'), ours.Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Networks))]
    public void ValuesAreThoseOfPyTorch(string network)
    {
        Dictionary<string, (double Error, double Allowed)> errors = Errors(network, NetworkCatalog.ActivationOf(network), Activation.Silu);
        foreach (var (what, (error, _)) in errors)
            output.WriteLine($"{network} {what} {error:g3}");
        Assert.All(errors, pair => Assert.True(pair.Value.Error <= pair.Value.Allowed, $"{pair.Key}: {pair.Value.Error:g3}"));
    }

    /// <summary>Another function with the same tensors is noticed in every quantity.</summary>
    [Theory]
    [InlineData("wrn-16-2-swish", Activation.Relu)]
    [InlineData("mobilenetv2", Activation.Silu)]
    public void AnotherFunctionFails(string network, Activation activation) => Assert.All(Errors(network, activation, Activation.Gelu),
        pair => Assert.True(pair.Value.Error > pair.Value.Allowed, $"{pair.Key}: {pair.Value.Error:g3}"));

    /// <summary>The error of each quantity, and what is allowed.</summary>
    private static Dictionary<string, (double Error, double Allowed)> Errors(string network, Activation activation, Activation smooth)
    {
        using CpuDevice device = new(2);
        using SafetensorsFile file = Golden(network);
        Shape shape = new(Images, 3, Size, Size);
        Tensor images = Tensor.FromArray(device, shape, Entries("images", shape.Length, u => u), requiresGrad: true);
        Tensor coefficients = Tensor.FromArray(device, new(Images, Classes), Entries("coefficients", Images * Classes, u => 2 * u - 1));
        Dictionary<string, (double Error, double Allowed)> errors = [];

        Classifier own = Loaded(activation), other = Loaded(smooth);
        foreach (ForwardMode mode in (ForwardMode[])[ForwardMode.Inference, ForwardMode.Evaluate])
        {
            ModelOutput result = own.Forward(images, mode);
            errors[$"{mode} eval.latent"] = (Largest("eval.latent", result.Latent), LogitsAllowed);
            errors[$"{mode} eval.logits"] = (Largest("eval.logits", result.Logits), LogitsAllowed);
            Tensor gradient = Gradient.Seeded(result.Logits, coefficients, images)[0];
            errors[$"{mode} eval.input_grad"] = (InNorm("eval.input_grad", gradient), BranchesAllowed);
            gradient = Gradient.Seeded(other.Forward(images, mode).Logits, coefficients, images)[0];
            errors[$"{mode} smooth.input_grad"] = (Largest("smooth.input_grad", gradient), GradientAllowed);
        }

        errors["train.logits"] = (Largest("train.logits", own.Forward(images, ForwardMode.Train).Logits), LogitsAllowed);
        NamedTensor[] running = Sorted(own, trained: false), trained = Sorted(other, trained: true);
        errors["train.after"] = (InDigests("train.after", running, [.. running.Select(t => t.Tensor)]), LogitsAllowed);
        Tensor[] gradients = Gradient.Seeded(
            other.Forward(images, ForwardMode.Train).Logits, coefficients, [images, .. trained.Select(t => t.Tensor)]);
        errors["smooth.train_input_grad"] = (Largest("smooth.train_input_grad", gradients[0]), GradientAllowed);
        errors["smooth.train_grad"] = (InDigests("smooth.train_grad", trained, gradients[1..]), GradientAllowed);
        return errors;

        Classifier Loaded(Activation used)
        {
            Classifier model = new(device, new(network, 3, Classes, [], [], Activation: used), seed: null);
            foreach (NamedTensor tensor in model.Parameters.All)
                tensor.Tensor.Data.CopyFrom(Weight(tensor.Name, tensor.Tensor.Shape));
            return model;
        }

        // Of gradients the file has the first images only.
        (double[] Expected, double[] Errors) Differences(string name, Tensor actual)
        {
            double[] expected = file.ReadDoubles(name);
            Assert.Equal(file.Shape(name)[1..], actual.Shape.Sizes[1..].ToArray());
            return (expected, [.. expected.Zip(actual.ToArray(), (e, a) => e - a)]);
        }

        double Largest(string name, Tensor actual)
        {
            var (expected, differences) = Differences(name, actual);
            return differences.Max(Math.Abs) / expected.Max(Math.Abs);
        }

        double InNorm(string name, Tensor actual)
        {
            var (expected, differences) = Differences(name, actual);
            return Math.Sqrt(differences.Sum(d => d * d) / expected.Sum(e => e * e));
        }

        double InDigests(string name, NamedTensor[] named, Tensor[] actual)
        {
            double[][] expected = [.. file.ReadDoubles(name).Chunk(3)];
            Assert.Equal(expected.Length, named.Length);
            double worst = 0;
            for (int i = 0; i < named.Length; i++)
            {
                double[] digest = Digest(named[i].Name, actual[i].ToArray());
                double error = digest.Zip(expected[i], (a, e) => Math.Abs(a - e)).Max();
                // After X.bias in the order of names comes X.weight.
                if (expected[i][0] < 1e-9)
                    Assert.InRange(error / expected[i + 1][0], 0, VanishingAllowed);
                else
                    worst = Math.Max(worst, error / expected[i][0]);
            }
            return worst;
        }
    }

    private static NamedTensor[] Sorted(Classifier model, bool trained) =>
        [.. model.Parameters.All.Where(t => t.Trained == trained).OrderBy(t => t.Name, StringComparer.Ordinal)];

    private static double[] Digest(string name, float[] values)
    {
        ulong first = Hash($"{name}/0"), second = Hash($"{name}/1");
        double squares = 0, one = 0, two = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double value = values[i];
            squares += value * value;
            one += value * (2 * Uniform(first, i) - 1);
            two += value * (2 * Uniform(second, i) - 1);
        }
        return [Math.Sqrt(squares), one, two];
    }

    private static float[] Weight(string name, Shape shape)
    {
        if (shape.Rank > 1)
        {
            double bound = Math.Sqrt(6.0 / (shape.Length / shape[0]));
            return Entries(name, shape.Length, u => (2 * u - 1) * bound);
        }
        bool isScale = name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".running_var", StringComparison.Ordinal);
        return Entries(name, shape.Length, u => isScale ? 0.6 + u : 0.6 * u - 0.3);
    }

    private static float[] Entries(string name, int count, Func<double, double> value)
    {
        ulong hash = Hash(name);
        float[] entries = new float[count];
        for (int i = 0; i < count; i++)
            entries[i] = (float)value(Uniform(hash, i));
        return entries;
    }

    /// <summary>FNV-1a of an ASCII text.</summary>
    private static ulong Hash(string text) => text.Aggregate(0xCBF29CE484222325, (h, c) => (h ^ c) * 0x100000001B3);

    /// <summary>Entry <paramref name="i"/> in [0, 1) of the vector of a hash: SplitMix64.</summary>
    private static double Uniform(ulong hash, int i)
    {
        ulong z = hash + (ulong)i * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return (z >> 40) / (double)(1 << 24);
    }

    private static SafetensorsFile Golden(string network) => SafetensorsFile.Open(Made.Fixture(Path.Combine("networks", network)));
}
