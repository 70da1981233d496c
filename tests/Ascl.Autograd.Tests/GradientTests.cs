using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;

namespace Ascl.Autograd.Tests;

public sealed class GradientTests : IDisposable
{
    private readonly CpuDevice device = new(1);

    public void Dispose() => device.Dispose();

    [Fact]
    public void A_tensor_used_on_several_paths_gets_the_sum()
    {
        Tensor x = Leaf([1, -2, 3]);
        // d/dx of x + 2·(x + relu x) + 3·x, where x itself is passed on by add.
        Tensor y = x.Add(x.Add(x.Relu()).Scale(2)).AddScaled(x, 3);
        Assert.Equal([8, 6, 8], Gradient.Of(y.Sum(), x)[0].ToArray());
    }

    [Fact]
    public void Gradients_handed_on_to_both_terms_of_a_sum_do_not_mix()
    {
        Tensor a = Leaf([1, 2]), b = Leaf([3, 4]);
        Tensor sum = a.Add(b), y = sum.Add(a.Scale(10)).Add(b.Scale(100)).Add(sum);
        Tensor[] gradients = Gradient.Of(y.Sum(), a, b, sum);
        Assert.Equal([12, 12], gradients[0].ToArray());
        Assert.Equal([102, 102], gradients[1].ToArray());
        Assert.Equal([2, 2], gradients[2].ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Masks_and_sums_fused_into_a_convolution_change_nothing(int stride)
    {
        Tensor weight = Random(new(8, 8, 3, 3), 2), other = Random(new(8, 8, 1, 1), 3);
        foreach (Func<Tensor, Tensor> use in new Func<Tensor, Tensor>[]
        {
            h => h.Conv2d(weight, null, stride, 1),
            h => h.Conv2d(weight, null, stride, 1).Add(h.Conv2d(other, null, stride)),
            h => h.Conv2d(other, null, stride).Relu().Add(h.Conv2d(weight, null, stride, 1).Relu()),
            h => h.Conv2d(weight, null, 1, 1).Relu().Conv2d(weight, null, stride, 1).Add(h.AveragePool2d(stride, stride)),
            h => h.AveragePool2d(stride, stride).Add(h.Conv2d(weight, null, 1, 1).Relu().Conv2d(weight, null, stride, 1)),
        })
        {
            Tensor x = Random(new(2, 8, 6, 6), 1), activation = x.ToActivation(), rectified = activation.Relu();
            Tensor copied = activation.Relu().Scale(1);
            // The copy is no ReLU's result, so nothing is fused where it is used.
            float[] expected = Gradient.Of(use(copied).Flatten().Sum(), x)[0].ToArray();
            Assert.Equal(expected, Gradient.Of(use(rectified).Flatten().Sum(), x)[0].ToArray());
            // Asked for itself, a ReLU's result gets its whole gradient.
            Assert.Equal(Gradient.Of(use(copied).Flatten().Sum(), copied)[0].ToArray(),
                Gradient.Of(use(rectified).Flatten().Sum(), rectified)[0].ToArray());
            Tensor[] both = Gradient.Of(use(rectified).Flatten().Sum(), x, rectified);
            Assert.Equal(expected, both[0].ToArray());
        }
    }

    [Fact]
    public void A_target_that_is_not_reached_gets_zeros()
    {
        Tensor x = Leaf([1, 2]), other = Leaf([3, 4, 5]);
        Tensor activation = Tensor.FromArray(device, new(1, 2, 2, 1), [1, 2, 3, 4], requiresGrad: true).ToActivation();
        Tensor[] gradients = Gradient.Of(x.Scale(5).Sum(), other, x, activation);
        Assert.Equal([0, 0, 0], gradients[0].ToArray());
        Assert.Equal([5, 5], gradients[1].ToArray());
        Assert.Equal(TensorLayout.Activation, gradients[2].Layout);
        Assert.Equal([0, 0, 0, 0], gradients[2].ToArray());
    }

    [Fact]
    public void A_detached_tensor_passes_no_gradient()
    {
        Tensor x = Leaf([1, 2]);
        Assert.Equal([3, 3], Gradient.Of(x.Scale(3).Add(x.Scale(7).Detach()).Sum(), x)[0].ToArray());
    }

    [Fact]
    public void Only_the_paths_to_the_targets_are_walked()
    {
        Tensor x = Leaf([1, 2]), weight = Leaf([3, 4]);
        int asked = 0;
        Tensor y = x.Detach().Scale(1).Record("product", (x, dy => dy.Scale(3)), (weight, ToWeight));
        Assert.Equal([3, 3], Gradient.Of(y.Sum(), x)[0].ToArray());
        Assert.Equal(0, asked);
        Assert.Equal([4, 4], Gradient.Of(y.Sum(), weight)[0].ToArray());
        Assert.Equal(1, asked);

        Tensor ToWeight(Tensor dy)
        {
            asked++;
            return dy.Scale(4);
        }
    }

    [Fact]
    public void An_image_gradient_needs_no_memory_for_weight_gradients()
    {
        Assert.Equal(BackwardBytes(trained: false, askWeight: false), BackwardBytes(trained: true, askWeight: false));
        Assert.True(
            BackwardBytes(trained: true, askWeight: true) >= BackwardBytes(trained: true, askWeight: false) + 40 * 3 * 9 * sizeof(float));

        static long BackwardBytes(bool trained, bool askWeight)
        {
            using CpuDevice device = new(1);
            using IDisposable scope = device.Pool.BeginScope();
            Tensor x = Tensor.FromArray(device, new(2, 3, 4, 4), new float[96], requiresGrad: true);
            Tensor weight = Tensor.FromArray(device, new(40, 3, 3, 3), new float[40 * 3 * 9], requiresGrad: trained);
            Tensor loss = x.ToActivation().Conv2d(weight).Relu().Flatten().Sum();
            long before = device.Pool.AllocatedBytes;
            Gradient.Of(loss, askWeight ? [x, weight] : [x]);
            return device.Pool.AllocatedBytes - before;
        }
    }

    [Fact]
    public void Nothing_is_recorded_where_no_input_needs_a_gradient()
    {
        Tensor x = Leaf([1, 2]), constant = Tensor.FromArray(device, new(2), [1, 1]);
        Assert.False(constant.Scale(2).Relu().RequiresGrad);
        Assert.True(constant.Add(x).RequiresGrad);
    }

    [Fact]
    public void A_target_may_lie_in_the_middle_and_be_the_output()
    {
        Tensor x = Leaf([1, 2]), middle = x.Scale(3), loss = middle.Scale(5).Sum();
        Tensor[] gradients = Gradient.Of(loss, middle, x, loss);
        Assert.Equal([5, 5], gradients[0].ToArray());
        Assert.Equal([15, 15], gradients[1].ToArray());
        Assert.Equal(1, gradients[2].Item);
    }

    [Fact]
    public void The_same_target_may_be_asked_for_twice()
    {
        Tensor x = Leaf([1, 2]);
        Assert.All(Gradient.Of(x.Scale(3).Sum(), x, x), gradient => Assert.Equal([3, 3], gradient.ToArray()));
    }

    [Fact]
    public void A_seed_weights_the_outputs_and_is_not_modified()
    {
        Tensor x = Leaf([1, 2]), seed = Tensor.FromArray(device, new(2), [10, -1]);
        Assert.Equal([40, -4], Gradient.Seeded(x.Add(x.Scale(3)), seed, x)[0].ToArray());
        Assert.Equal([10, -1], seed.ToArray());
    }

    [Fact]
    public void Mismatched_shapes_throw_and_are_named()
    {
        Tensor x = Leaf([1, 2]);
        Assert.Contains("[2]", Assert.Throws<ShapeException>(() => Gradient.Of(x.Scale(2), x)).Message);
        Assert.Contains("seed [3] for output [2]",
            Assert.Throws<ShapeException>(() => Gradient.Seeded(x.Scale(2), Leaf([1, 2, 3]), x)).Message);
        Tensor wrong = x.Detach().Scale(2).Record("wrong", (x, dy => dy.Sum()));
        Assert.Contains("gradient of leaf [2]", Assert.Throws<ShapeException>(() => Gradient.Of(wrong.Sum(), x)).Message);
    }

    private Tensor Leaf(float[] values) => Tensor.FromArray(device, new(values.Length), values, requiresGrad: true);

    private Tensor Random(Shape shape, ulong seed)
    {
        float[] values = new float[shape.Length];
        Philox.FillUniform(values, new RandomKey(seed, RandomPurpose.Test), -1, 1);
        return Tensor.FromArray(device, shape, values, requiresGrad: true);
    }
}
