using Ascl.Autograd.Checking;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Optimizer;

namespace Ascl.Autograd.Tests;

public sealed class MemoryTests : IDisposable
{
    private const int Images = 4, Classes = 3;
    private readonly CpuDevice device = new(2);
    private readonly CaseInputs values = new(7);

    public void Dispose() => device.Dispose();

    [Fact]
    public void Steps_after_the_first_allocate_nothing()
    {
        Net net = new(this);
        List<long> allocated = [];
        List<float> losses = [];
        for (int step = 0; step < 5; step++)
        {
            losses.Add(net.Step());
            allocated.Add(device.Pool.AllocatedBytes);
        }
        Assert.True(allocated[0] > 0);
        Assert.All(allocated, bytes => Assert.Equal(allocated[0], bytes));
        Assert.True(losses[4] < losses[0], string.Join(" ", losses));
    }

    /// <summary>
    /// Memory that came back with old contents must not show: the same steps with a device's own fresh memory give the same bits.
    /// </summary>
    [Fact]
    public void Reused_memory_gives_the_same_bits_as_fresh_memory()
    {
        float[] seen = [.. Steps(polluted: false)];
        Assert.Equal(seen, Steps(polluted: true));

        static List<float> Steps(bool polluted)
        {
            using MemoryTests test = new();
            if (polluted)
                new Net(test).Step();
            // The net's images and weights are the same whatever was drawn before.
            using MemoryTests fresh = new();
            Net net = new(fresh, test.device);
            return [net.Step(), net.Step(), net.Step()];
        }
    }

    [Fact]
    public void Intermediate_gradients_return_to_the_pool()
    {
        // However deep the chain, two buffers are enough: dy and dx.
        Assert.Equal(BackwardBytes(3), BackwardBytes(12));

        static long BackwardBytes(int depth)
        {
            using CpuDevice device = new(1);
            using IDisposable scope = device.Pool.BeginScope();
            Tensor x = Tensor.FromArray(device, new(1000), new float[1000], requiresGrad: true), y = x;
            for (int i = 0; i < depth; i++)
                y = y.Relu().Add(y.Scale(2));
            Tensor loss = y.Sum();
            long before = device.Pool.AllocatedBytes;
            Gradient.Of(loss, x);
            return device.Pool.AllocatedBytes - before;
        }
    }

    [Fact]
    public void A_gradient_survives_the_next_backward_pass_in_its_scope()
    {
        using IDisposable scope = device.Pool.BeginScope();
        Tensor x = Tensor.FromArray(device, new(3), [1, 2, 3], requiresGrad: true);
        Tensor first = Gradient.Of(x.Scale(2).Relu().Sum(), x)[0];
        Tensor second = Gradient.Of(x.Scale(5).Relu().Sum(), x)[0];
        Assert.Equal([2, 2, 2], first.ToArray());
        Assert.Equal([5, 5, 5], second.ToArray());
    }

    /// <summary>Convolution, BatchNorm with a residual, pooling, a fully connected layer, and an update of all parameters.</summary>
    private sealed class Net
    {
        private readonly Device device;
        private readonly Tensor images, stem, conv, weight, bias;
        private readonly BatchNormState norm1, norm2;
        private readonly DeviceBuffer<int> labels;
        private readonly Tensor[] parameters;
        private readonly DeviceBuffer<float>[] momenta;

        public Net(MemoryTests test, Device? on = null)
        {
            device = on ?? test.device;
            images = Leaf(test, Images, 3, 8, 8);
            stem = Leaf(test, 6, 3, 3, 3);
            conv = Leaf(test, 6, 6, 3, 3);
            weight = Leaf(test, Classes, 6);
            bias = Leaf(test, Classes);
            norm1 = Norm(test, 6);
            norm2 = Norm(test, 6);
            labels = device.Upload<int>([0, 1, 2, 1]);
            parameters = [stem, conv, weight, bias, norm1.Gamma, norm1.Beta, norm2.Gamma, norm2.Beta];
            momenta = [.. parameters.Select(p => device.Allocate<float>(p.Shape.Length))];
        }

        public float Step()
        {
            using IDisposable scope = device.Pool.BeginScope();
            Tensor x = images.Normalize([0.1f, 0.2f, 0.3f], [1, 2, 3]).Conv2d(stem, padding: 1)
                .BatchNorm(norm1, BatchNormMode.Train, relu: true);
            x = x.Conv2d(conv, padding: 1).BatchNorm(norm2, BatchNormMode.Train, residual: x, relu: true).MaxPool2d(2, 2);
            Tensor loss = x.GlobalAveragePool().Linear(weight, bias).CrossEntropy(labels);
            Tensor[] gradients = Gradient.Of(loss, parameters);
            for (int i = 0; i < parameters.Length; i++)
                SgdKernels.Step(parameters[i].Data, momenta[i], gradients[i].Data, 0.1f, 0.9f, 0);
            return loss.Item;
        }

        private Tensor Leaf(MemoryTests test, params ReadOnlySpan<int> sizes)
        {
            Shape shape = new(sizes);
            return Tensor.FromArray(device, shape, test.values.Values(shape.Length), requiresGrad: true);
        }

        private BatchNormState Norm(MemoryTests test, int channels) => new(
            Leaf(test, channels), Leaf(test, channels), Tensor.FromArray(device, new(channels), new float[channels]),
            Tensor.FromArray(device, new(channels), [.. Enumerable.Repeat(1f, channels)]));
    }
}
