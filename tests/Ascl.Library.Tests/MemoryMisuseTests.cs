using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>What a program does wrong with memory is noticed or has no effect.</summary>
public sealed class MemoryMisuseTests
{
    [Fact]
    public void WritingWeightsInPlaceIsNoticed()
    {
        using CpuDevice device = new(2);
        Classifier model = Classifiers.For(device, OwnData.Make(), "own", (p, s) => new OwnNetwork(p, s));
        Tensor images = Tensor.FromArray(device, new(4, 1, 8, 8), [.. Enumerable.Range(0, 256).Select(i => i / 256f)]);
        // In inference the weights are folded with BatchNorm and transformed, both kept until they change.
        float[] before = model.Forward(images, ForwardMode.Inference).Logits.ToArray();
        foreach (Tensor weight in model.Parameters.Trained)
            foreach (ref float value in CpuDevice.Span(weight.Data))
                value *= 1.5f;
        float[] after = model.Forward(images, ForwardMode.Inference).Logits.ToArray();
        Classifier same = model.Structure();
        same.CopyFrom(model);
        Assert.NotEqual(before, after);
        Assert.Equal(same.Forward(images, ForwardMode.Inference).Logits.ToArray(), after);
    }

    [Fact]
    public void ReadingDoesNotInvalidateWhatIsDerived()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> buffer = device.Upload<float>([1, 2]);
        object derived = buffer.Derived<object>("test", _ => new object());
        Assert.Equal(2, CpuDevice.ReadSpan(buffer)[1]);
        Assert.Equal([1, 2], buffer.ToArray());
        Assert.Same(derived, buffer.Derived<object>("test", _ => new object()));
        CpuDevice.Span(buffer)[1] = 3;
        Assert.NotSame(derived, buffer.Derived<object>("test", _ => new object()));
    }

    /// <summary>A span that an optimiser keeps is not noticed by the buffer, but by the trainer.</summary>
    [Fact]
    public void TheTrainerTrustsNoOptimizer()
    {
        using CpuDevice device = new(2);
        Classifier model = Classifiers.For(device, OwnData.Make(), "own", (p, s) => new OwnNetwork(p, s));
        DeviceBuffer<float> weight = model.Parameters.Trained.First().Data;
        object derived = weight.Derived<object>("test", _ => new object());
        new Trainer(model, new OwnObjective(), new() { Epochs = 1, Batch = 16 })
        {
            Attack = new OwnAttack(0.1),
            Optimizer = new IdleOptimizer(Optimizers.Targets(model)),
        }.Fit(OwnData.Make());
        Assert.NotSame(derived, weight.Derived<object>("test", _ => new object()));
    }

    [Fact]
    public void ATargetWithoutGradientsIsRefused()
    {
        using CpuDevice device = new(1);
        Tensor x = Tensor.FromArray(device, new(3, 2), new float[6]), weight = Tensor.FromArray(device, new(3, 2), new float[6], true);
        Assert.Equal("gradient: target 1 [3, 2] does not require gradients: use Detach(requiresGrad: true)",
            Assert.Throws<ArgumentException>(() => Gradient.Of(x.Multiply(weight).Sum(), weight, x)).Message);
        Tensor leaf = x.Detach(requiresGrad: true), unreached = x.Detach(requiresGrad: true);
        Assert.All(Gradient.Of(leaf.Multiply(weight).Sum(), leaf, unreached), gradient => Assert.Equal(6, gradient.ToArray().Length));
    }

    [Fact]
    public void ATensorIsNotUsedAfterItsScope()
    {
        using CpuDevice device = new(1);
        Tensor x = Tensor.FromArray(device, new(2), [1, 2], requiresGrad: true), y, one;
        using (device.Pool.BeginScope())
        {
            (y, one) = (x.Scale(3), x.Sum());
            Assert.Equal([3, 6], y.ToArray());
            Assert.Equal(3, one.Item);
        }
        foreach (Func<object> use in new Func<object>[] { y.ToArray, () => one.Item, () => y.Scale(2), () => y.Detach() })
        {
            string message = Assert.Throws<InvalidOperationException>(use).Message;
            Assert.Contains("[", message, StringComparison.Ordinal);
            Assert.Contains("is used after its buffer scope has ended", message, StringComparison.Ordinal);
        }
        Assert.Equal([1, 2], x.ToArray());
    }

    [Fact]
    public void ASecondThreadOnADeviceIsRefused()
    {
        using CpuDevice device = new(2);
        using (device.Pool.BeginScope())
        {
            Exception? thrown = OnAnotherThread(() => device.Pool.BeginScope());
            Assert.Equal("device cpu is used by another thread: open one device per thread", thrown?.Message);
            Assert.NotNull(OnAnotherThread(() => Tensor.Empty(device, new(3))));
        }
        // One after the other is fine.
        Assert.Null(OnAnotherThread(() => device.Pool.BeginScope().Dispose()));
        device.Pool.BeginScope().Dispose();

        static Exception? OnAnotherThread(Action work)
        {
            Exception? thrown = null;
            Thread thread = new(() => thrown = Record.Exception(work));
            thread.Start();
            thread.Join();
            return thrown;
        }
    }

    private sealed class IdleOptimizer(IReadOnlyList<NamedTensor> targets) : IOptimizer
    {
        public IReadOnlyList<NamedTensor> Targets => targets;
        public IReadOnlyList<(string Name, Shape Shape, DeviceBuffer<float> Values)> State => [];

        public void Step(ReadOnlySpan<Tensor> gradients, double learningRate)
        {
        }
    }
}
