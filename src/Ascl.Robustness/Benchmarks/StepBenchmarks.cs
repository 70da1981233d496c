using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Onnx;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Benchmarks;

/// <summary>
/// The parts of adversarial training on random images: forward, input-grad, param-grad (BatchNorm in training mode), attack-eval (10 PGD
/// steps with running statistics), pgd-step (10 PGD steps in training mode, one gradient of natural and adversarial loss, SGD).
/// </summary>
public sealed class StepBenchmarks
{
    private const int AttackSteps = 10;
    private const double Epsilon = 8 / 255.0, StepSize = 2 / 255.0, LearningRate = 0.01;

    private readonly Classifier model;
    private readonly ImageBatch batch;
    private readonly SgdOptimizer optimizer;
    private readonly TrainingStep step;
    private readonly Tensor[] parameters;

    /// <summary>Names of the measurements.</summary>
    public static IReadOnlyList<string> Names { get; } = ["forward", "input-grad", "param-grad", "attack-eval", "pgd-step"];

    /// <summary>Creates the network and a batch of random images.</summary>
    /// <param name="device">The device to run on.</param>
    /// <param name="network">A name from <see cref="NetworkCatalog"/>, or an ONNX file.</param>
    /// <param name="images">Batch size.</param>
    /// <param name="size">Height and width of the images; 0 for the network's usual size.</param>
    /// <param name="seed">Seed of weights and images.</param>
    public StepBenchmarks(Device device, string network, int images, int size, ulong seed)
    {
        bool isSmall = network == "smallcnn";
        model = OnnxFiles.IsOnnx(network)
            ? Classifier.FromOnnx(device, network)
            : new Classifier(device, new(network, isSmall ? 1 : 3, 10, [], [], Activation: NetworkCatalog.ActivationOf(network)), seed);
        int usual = isSmall ? SmallCnn.ImageSize : 32;
        var (height, width) = size > 0 ? (size, size) : model.ImageSize ?? (usual, usual);
        Shape shape = new(images, model.Spec.Channels, height, width);
        optimizer = new SgdOptimizer(Optimizers.Targets(model));
        parameters = [.. optimizer.Targets.Select(target => target.Tensor)];
        step = new TrainingStep(model, new PgdAtObjective { NaturalWeight = 1 }, optimizer);
        float[] pixels = new float[shape.Length];
        Philox.FillUniform(pixels, new RandomKey(seed, RandomPurpose.Test), 0, 1);
        int[] numbers = [.. Enumerable.Range(0, images)];
        batch = new(Tensor.FromArray(device, shape, pixels), device.Upload<int>([.. numbers.Select(i => i % model.Spec.Classes)]),
            device.Upload<int>(numbers));
    }

    /// <summary>The work of a measurement.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    public Action Work(string name) => name switch
    {
        "forward" => () => Scoped(() => model.Forward(batch.Images, ForwardMode.Train)),
        "input-grad" => () => Scoped(() =>
        {
            Tensor x = batch.Images.Detach(requiresGrad: true);
            return Gradient.Of(model.Forward(x, ForwardMode.Train).Logits.CrossEntropy(batch.Labels), x);
        }),
        "param-grad" =>
            () => Scoped(() => Gradient.Of(model.Forward(batch.Images, ForwardMode.Train).Logits.CrossEntropy(batch.Labels), parameters)),
        "attack-eval" => () => Scoped(() => Attack(ForwardMode.Inference)),
        "pgd-step" => () => Scoped(() => step.Run(batch, Attack(ForwardMode.Train), LearningRate)),
        _ => throw new ArgumentException($"no measurement {name}"),
    };

    private Tensor Attack(ForwardMode mode) =>
        new PgdAttack(new(Epsilon, StepSize, AttackSteps, Mode: mode)).Perturb(model, batch, new RandomKey(1, RandomPurpose.AttackStart));

    private void Scoped<T>(Func<T> work)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        work();
        model.Device.Synchronize();
    }
}
