using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>
/// Gradients that an op keeps: those from before a walk over the graph stay what they are; one made in a walk is the walk's.
/// </summary>
public sealed class GradientOwnershipTests
{
    /// <summary>y = a·x, whose gradient with respect to x is the tensor a itself: kept, and used by two paths, which adds it up.</summary>
    [Fact]
    public void ATensorFromBeforeTheBackwardPassIsNotOverwritten()
    {
        using CpuDevice device = new(1);
        using IDisposable scope = device.Pool.BeginScope();
        Tensor x = Tensor.FromArray(device, new(4), [1, 2, 3, 4], requiresGrad: true);
        Tensor a = Tensor.FromArray(device, new(4), [5, 6, 7, 8]).Scale(1);
        for (int pass = 0; pass < 3; pass++)
        {
            Tensor y = Times(x), z = Times(x), sum = y.Add(z).Sum();
            Assert.Equal([10, 12, 14, 16], Gradient.Of(sum, x)[0].ToArray());
            Assert.Equal([5, 6, 7, 8], a.ToArray());
            // Memory that went back to the pool comes again: not a's.
            Assert.NotSame(a.Data, Tensor.Empty(device, new(4)).Data);
        }

        Tensor Times(Tensor by)
        {
            Tensor y = by.Multiply(a).Detach();
            return y.Record("times a", (by, _ => a));
        }
    }

    /// <summary>
    /// An op that gives the same tensor in a later pass, which it made in an earlier one, would give other values by then.
    /// </summary>
    [Fact]
    public void ATensorOfAnEarlierBackwardPassIsRefused()
    {
        using CpuDevice device = new(1);
        using IDisposable scope = device.Pool.BeginScope();
        Tensor x = Tensor.FromArray(device, new(4), [1, 2, 3, 4], requiresGrad: true);
        Tensor? kept = null;
        Gradient.Of(Caching(x.Scale(1)).Sum(), x);
        Assert.Contains("an op that keeps one keeps a copy",
            Assert.Throws<InvalidOperationException>(() => Gradient.Of(Caching(x.Scale(1)).Sum(), x)).Message, StringComparison.Ordinal);

        Tensor Caching(Tensor of)
        {
            Tensor y = of.Scale(2).Detach();
            return y.Record("caching", (of, dy => kept ??= dy.Scale(2)));
        }
    }
}
