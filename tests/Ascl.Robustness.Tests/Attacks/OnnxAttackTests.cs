using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>Attacks on networks that PyTorch trained and exported (docs/results/onnx-autoattack): the authors' Auto-Attack there is what
/// they are compared with.</summary>
public sealed class OnnxAttackTests
{
    /// <summary>The first 32 test images; right without an attack, and after APGD-CE within 2/255, of which the random starts
    /// differ.</summary>
    [Theory]
    [InlineData("mobilenet", 16, 11)]
    [InlineData("densenet", 15, 13)]
    public void AutoPgdTurnsTheImagesThatTheAuthorsTurns(string network, int right, int robust)
    {
        using CpuDevice device = new(2);
        Classifier model = Classifier.FromOnnx(device, Made.Fixture($"onnx-trained/{network}.onnx"));
        ImageSet images = DataSource.Open($"file:{Made.Fixture("onnx-trained/images.safetensors")}").Test;
        EvaluationReport report = new Evaluator(model, images, batchSize: 32, seed: 1)
            .Run(AttackCatalog.Of(["apgd-ce"], new(2 / 255.0)), CancellationToken.None);
        Assert.Equal(32, report.Count);
        Assert.Equal(right / 32.0, report.CleanAccuracy);
        Assert.InRange(report.WorstCaseAccuracy * 32, robust - 1, robust + 1);
    }
}
