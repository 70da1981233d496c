// Train a network of your own on arrays of your own, and attack it.
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Models;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

using Device device = ComputeDevice.Open("auto");
DataSet data = new("stripes", Stripes(600, seed: 1), Stripes(200, seed: 2), Augmentation.None);
Classifier model = Classifiers.For(device, data, "tiny", (parameters, settings) => new TinyNetwork(parameters, settings));

ThreatModel ball = new(PerturbationNorm.Linf, 0.1);
Trainer trainer = new(model, new TradesObjective { Beta = 6 }, new() { Epochs = 6, Batch = 50 })
{
    Attack = new TrainingAttackSettings { Norm = ball.Norm, Epsilon = ball.Epsilon, Steps = 5 }.Training(AttackLoss.KullbackLeibler),
    Schedule = new CosineSchedule { LearningRate = 0.05 },
    // Run this program again and it resumes: training is kept in the folder. Delete the folder to start anew.
    Callbacks = { new Validation(), new Checkpoints("stripes-run"), new PrintEpochs() },
};
trainer.Fit(data);

EvaluationSettings attacks = new() { Attacks = ["fgsm", "pgd", "square"], Epsilon = ball.Epsilon, Steps = 20, Queries = 200 };
EvaluationReport report = new RobustnessEvaluation(model, data, attacks).Run().Report;
Console.WriteLine($"clean {report.CleanAccuracy:P1}");
foreach (AttackReport attack in report.Attacks)
    Console.WriteLine($"{attack.Name} {attack.Accuracy:P1}");
return report.CleanAccuracy > 0.9 ? 0 : 1;

// 16x16 grey images: horizontal or vertical stripes under noise, as bytes, N·C·H·W.
static ImageSet Stripes(int count, int seed)
{
    Random random = new(seed);
    byte[] pixels = new byte[count * 16 * 16];
    int[] labels = [.. Enumerable.Range(0, count).Select(i => i % 2)];
    for (int i = 0; i < pixels.Length; i++)
    {
        int image = i / 256, row = i % 256 / 16, column = i % 16;
        bool isBright = (labels[image] == 0 ? row : column) / 2 % 2 == 0;
        pixels[i] = (byte)Math.Clamp((isBright ? 160 : 90) + random.Next(-60, 60), 0, 255);
    }
    return new ImageSet("stripes", ["horizontal", "vertical"], channels: 1, height: 16, width: 16, labels, pixels);
}

/// <summary>Two convolutions with BatchNorm, average pooling, a linear layer. Weights are named as in a PyTorch state dict.</summary>
sealed class TinyNetwork(ParameterSet parameters, NetworkSettings settings) : INetwork
{
    private readonly ConvLayer conv1 =
        ConvLayer.WithNorm(parameters, "conv1", "bn1", settings.Channels, 8, kernel: 3, stride: 1, padding: 1);
    private readonly ConvLayer conv2 = ConvLayer.WithNorm(parameters, "conv2", "bn2", 8, 16, kernel: 3, stride: 2, padding: 1);
    private readonly LinearLayer linear = new(parameters, "linear", 16, settings.Classes);

    public int LatentSize => 16;
    public string HeadPrefix => "linear.";

    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        Tensor y = conv1.Forward(x, mode, activation: Activation.Relu);
        Tensor latent = conv2.Forward(y, mode, activation: Activation.Relu).GlobalAveragePool();
        return new ModelOutput(latent, linear.Forward(latent));
    }
}

sealed class PrintEpochs : TrainingCallback
{
    public override void EndEpoch(Trainer trainer, TrainedEpoch epoch) => Console.WriteLine(
        $"epoch {epoch.Metrics.Epoch}: loss {epoch.Metrics.Loss:F3}, "
        + $"validation {epoch.Metrics.ValidationNaturalAccuracy:P1} clean, {epoch.Metrics.ValidationRobustAccuracy:P1} robust");
}
