using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;
using Ascl.Models;

namespace Ascl.Robustness.Verification;

/// <summary>Golden files of ONNX models (kind "onnx"): images, labels, logits and input gradient of the model beside the file, NAME.onnx
/// for NAME.safetensors.</summary>
internal static class OnnxGolden
{
    private const double LogitsAllowed = 1e-4, GradientAllowed = 1e-3;
    private const string GradientName = "input_grad_of_summed_cross_entropy";

    public static bool Is(SafetensorsFile file) => file.Metadata.GetValueOrDefault("kind") == "onnx";

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison)
    {
        Classifier model = Classifier.FromOnnx(device, Path.ChangeExtension(file.Path, ".onnx"));
        Shape shape = new(file.Shape("images"));
        float[] images = file.ReadFloats("images");
        DeviceBuffer<int> labels = ContrastiveGolden.Integers(device, file, "labels");
        foreach (ForwardMode mode in new[] { ForwardMode.Inference, ForwardMode.Evaluate })
        {
            Tensor logits = model.Forward(Tensor.FromArray(device, shape, images), mode).Logits;
            comparison.Tensor("logits", AsWritten(logits, file.ReadDoubles("logits")).ToArray(), LogitsAllowed);
            comparison.Add(GradientName, GradientError(branch => Gradient.Of(Loss(branch, out Tensor x), x)[0].ToArray(),
                file.ReadDoubles(GradientName), shape[0]), GradientAllowed, "of the largest entry");

            Tensor Loss(int branch, out Tensor x)
            {
                x = Tensor.FromArray(device, shape, RoundingBranches.Input(images, branch), requiresGrad: true);
                return model.Forward(x, mode).Logits.CrossEntropy(labels, 0, Reduction.Sum);
            }
        }
    }

    /// <summary>The logits, or their log-softmax where that is what the model gives: the classifier leaves it off.</summary>
    private static Tensor AsWritten(Tensor logits, double[] expected)
    {
        bool areLogProbabilities = expected.Chunk(logits.Shape[1]).All(row => Math.Abs(row.Sum(Math.Exp) - 1) < 1e-6);
        return areLogProbabilities ? logits.LogSoftmax(1) : logits;
    }

    /// <summary>The largest error of an image, each on the rounding branch that is nearest to the golden gradient.</summary>
    private static double GradientError(Func<int, float[]> ofBranch, double[] expected, int count)
    {
        double largest = expected.Max(Math.Abs);
        double[] nearest = [.. Enumerable.Repeat(double.PositiveInfinity, count)];
        for (int branch = 0; branch < RoundingBranches.Count && nearest.Max() > GradientAllowed; branch++)
        {
            // Rounding affects a few images; if most still differ, the gradient is a different one.
            if (branch == RoundingBranches.First && nearest.Count(error => error > GradientAllowed) > count / 2)
                break;
            float[] gradient = ofBranch(branch);
            int image = gradient.Length / count;
            for (int n = 0; n < count; n++)
            {
                double worst = 0;
                for (int i = n * image; i < (n + 1) * image; i++)
                {
                    double error = Math.Abs(gradient[i] - expected[i]) / largest;
                    worst = error > worst || double.IsNaN(error) ? error : worst;
                }
                nearest[n] = Math.Min(nearest[n], double.IsNaN(worst) ? double.PositiveInfinity : worst);
            }
        }
        return nearest.Max();
    }
}
