using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;
using Ascl.Models;

namespace Ascl.Robustness.Verification;

/// <summary>Golden files of ONNX models (kind "onnx"): images, labels, logits and input gradient of the model beside the file, NAME.onnx for
/// NAME.safetensors.</summary>
internal static class OnnxGolden
{
    private const double LogitsAllowed = 1e-4, GradientAllowed = 1e-3;

    public static bool Is(SafetensorsFile file) => file.Metadata.GetValueOrDefault("kind") == "onnx";

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison)
    {
        Classifier model = Classifier.FromOnnx(device, Path.ChangeExtension(file.Path, ".onnx"));
        Tensor images = Tensor.FromArray(device, new(file.Shape("images")), file.ReadFloats("images"), requiresGrad: true);
        DeviceBuffer<int> labels = ContrastiveGolden.Integers(device, file, "labels");
        foreach (ForwardMode mode in new[] { ForwardMode.Inference, ForwardMode.Evaluate })
        {
            Tensor logits = model.Forward(images, mode).Logits;
            comparison.Tensor("logits", AsWritten(logits, file.ReadDoubles("logits")).ToArray(), LogitsAllowed);
            Tensor loss = logits.CrossEntropy(labels, 0, Reduction.Sum);
            comparison.Tensor("input_grad_of_summed_cross_entropy", Gradient.Of(loss, images)[0].ToArray(), GradientAllowed);
        }
    }

    /// <summary>The logits, or their log-softmax where that is what the model gives: the classifier leaves it off.</summary>
    private static Tensor AsWritten(Tensor logits, double[] expected)
    {
        bool areLogProbabilities = expected.Chunk(logits.Shape[1]).All(row => Math.Abs(row.Sum(Math.Exp) - 1) < 1e-6);
        return areLogProbabilities ? logits.LogSoftmax(1) : logits;
    }
}
