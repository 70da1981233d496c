using Ascl.Kernels.Devices;
using Ascl.Kernels.Optimizer;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Optimizer;

public sealed class SgdTests
{
    private const float Rate = 0.1f, Momentum = 0.9f, Decay = 5e-4f;

    /// <summary>
    /// torch.optim.SGD over several steps; PyTorch's first step sets the momentum to g, which a momentum of zero before it gives too.
    /// </summary>
    [Fact]
    public void EveryLengthFollowsPyTorch()
    {
        using CpuDevice device = new(3);
        foreach (int length in Enumerable.Range(0, 258).Append(32768).Append(32769 * 2 + 3))
        {
            float[] start = DeviceData.Uniform(length, 1);
            double[] w = [.. start.Select(v => (double)v)], m = new double[length];
            DeviceBuffer<float> wb = device.Upload<float>(start), mb = device.Allocate<float>(length);
            for (uint step = 0; step < 4; step++)
            {
                float[] gradient = DeviceData.Uniform(length, 10 + step);
                float rate = Rate / (step + 1);
                SgdKernels.Step(wb, mb, device.Upload<float>(gradient), rate, Momentum, Decay);
                for (int i = 0; i < length; i++)
                {
                    m[i] = Momentum * m[i] + gradient[i] + Decay * w[i];
                    w[i] -= rate * m[i];
                }
            }
            float[] weights = wb.ToArray(), momenta = mb.ToArray();
            for (int i = 0; i < length; i++)
                Assert.True(Math.Abs(weights[i] - w[i]) < 1e-6 && Math.Abs(momenta[i] - m[i]) < 2e-6,
                    $"length {length}, entry {i}: {weights[i]}, {momenta[i]}, expected {w[i]}, {m[i]}");
            DeviceData.AssertNothingBehind(wb, "weights");
            DeviceData.AssertNothingBehind(mb, "momenta");
        }
    }

    /// <summary>So that a weight does not depend on its place in its tensor.</summary>
    [Fact]
    public void TailsMatchWholeVectorsBitForBit()
    {
        using CpuDevice device = new(1);
        float[] w = DeviceData.Uniform(257, 1), m = DeviceData.Uniform(257, 2), g = DeviceData.Uniform(257, 3);
        float[] whole = Step(0, 257);
        for (int from = 0; from < 257; from += 5)
            Assert.Equal(whole[from..Math.Min(257, from + 33)], Step(from, Math.Min(257, from + 33)));

        float[] Step(int from, int to)
        {
            DeviceBuffer<float> wb = device.Upload<float>(w.AsSpan(from..to));
            SgdKernels.Step(wb, device.Upload<float>(m.AsSpan(from..to)), device.Upload<float>(g.AsSpan(from..to)), Rate, Momentum, Decay);
            return wb.ToArray();
        }
    }

    [Fact]
    public void DerivedValuesOfTheWeightsAreMadeAgain()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> w = device.Upload<float>([1, 2]);
        object before = w.Derived<object>("test", _ => new object());
        SgdKernels.Step(w, device.Allocate<float>(2), device.Upload<float>([1, 1]), Rate, Momentum, Decay);
        Assert.NotSame(before, w.Derived<object>("test", _ => new object()));
    }
}
