using Ascl.Kernels.Devices;
using Ascl.Kernels.Unary;

namespace Ascl.Kernels.Tests.Unary;

public sealed class UnaryKernelsTests
{
    private const float Infinity = float.PositiveInfinity, NaN = float.NaN;

    public static TheoryData<UnaryFunction, float, float> Ranges { get; } = new()
    {
        { UnaryFunction.Log, 1e-37f, 1e37f },
        { UnaryFunction.Exp, 1e-6f, 85 },
        { UnaryFunction.Tanh, 1e-6f, 100 },
        { UnaryFunction.Erf, 1e-6f, 10 },
        { UnaryFunction.Sigmoid, 1e-6f, 70 },
        { UnaryFunction.Sine, 1e-6f, 3 },
        { UnaryFunction.Elu, 1e-6f, 90 },
    };

    /// <summary>For sizes from tiny to huge and both signs, near 1e-6 of each single value.</summary>
    [Theory, MemberData(nameof(Ranges))]
    public void EachValueIsAccurate(UnaryFunction function, float smallest, float largest)
    {
        float[] sizes = [.. Enumerable.Range(0, 2001).Select(i => (float)(smallest * Math.Pow((double)largest / smallest, i / 2000.0)))];
        float[] x = function == UnaryFunction.Log ? sizes : [.. sizes, .. sizes.Select(v => -v)];
        Func<double, double> exact = function switch
        {
            UnaryFunction.Log => Math.Log,
            UnaryFunction.Exp => v => v < -80 ? 0 : Math.Exp(v),
            UnaryFunction.Tanh => Math.Tanh,
            UnaryFunction.Erf => Erf,
            UnaryFunction.Sigmoid => v => 1 / (1 + Math.Exp(-v)),
            UnaryFunction.Sine => Math.Sin,
            _ => v => v > 0 ? v : Math.Exp(v) - 1,
        };
        float[] y = Run(function, 1, x);
        for (int i = 0; i < x.Length; i++)
        {
            double expected = exact(x[i]), allowed = 1.5e-6 * Math.Max(Math.Abs(expected), function == UnaryFunction.Log ? 0.1 : 0);
            Assert.True(Math.Abs(y[i] - expected) <= allowed, $"{function} {x[i]} is {y[i]}, not {expected}");
        }
    }

    [Theory]
    [InlineData(UnaryFunction.Floor, new[] { -1.5f, -0.5f, 0, 0.5f, 1e9f, -8388607.5f }, new[] { -2, -1, 0, 0, 1e9f, -8388608 })]
    [InlineData(UnaryFunction.Ceiling, new[] { -1.5f, -0.5f, 0, 0.5f, 2, 4194304.5f }, new[] { -1, 0, 0, 1, 2, 4194305f })]
    [InlineData(UnaryFunction.Round, new[] { -2.5f, -1.5f, 0.5f, 1.5f, 0.49999997f, 3e9f }, new[] { -2, -2, 0, 2, 0, 3e9f })]
    [InlineData(UnaryFunction.Sign, new[] { -2f, 0, 1e-20f }, new[] { -1f, 0, 1 })]
    [InlineData(UnaryFunction.Log, new[] { 0, -1, 1, Infinity, NaN }, new[] { -Infinity, NaN, 0, Infinity, NaN })]
    [InlineData(UnaryFunction.Tanh, new[] { -Infinity, -100, 0, 100, Infinity, NaN }, new[] { -1, -1, 0, 1f, 1, NaN })]
    [InlineData(UnaryFunction.Erf, new[] { -Infinity, -1e30f, 0, 1e30f, NaN }, new[] { -1f, -1, 0, 1, NaN })]
    [InlineData(UnaryFunction.Sigmoid, new[] { 0, 100, Infinity, NaN }, new[] { 0.5f, 1, 1, NaN })]
    [InlineData(UnaryFunction.Mish, new[] { 0, 100, 1e30f, NaN }, new[] { 0, 100f, 1e30f, NaN })]
    [InlineData(UnaryFunction.Not, new[] { 0f, -0f, 3, NaN }, new[] { 1f, 1, 0, 0 })]
    public void SpecialValuesAreExact(UnaryFunction function, float[] x, float[] expected) =>
        Assert.Equal(expected.Select(v => v + 0f), Run(function, 0, x).Select(v => v + 0f));

    [Fact]
    public void PowersOfSpecialValues()
    {
        Assert.Equal([1, 1, 1], Run(UnaryFunction.Power, 0, [0, -2, 5]));
        Assert.Equal([0, NaN], Run(UnaryFunction.Power, 0.3f, [0, -2]));
        Assert.Equal([-1, 1], Run(UnaryFunction.Power, 5, [-1, 1]));
    }

    private static float[] Run(UnaryFunction function, float p, float[] x)
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> y = device.Allocate<float>(x.Length);
        UnaryKernels.Forward(function, p, 0, device.Upload<float>(x), y);
        return y.ToArray();
    }

    /// <summary>2/√π·exp(−x²)·(x + 2x³/3 + 4x⁵/15 + …); ±1 from where it rounds to that.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 5)
            return Math.Sign(x);
        double term = x, sum = x;
        for (int odd = 3; odd < 500; odd += 2)
            sum += term *= 2 * x * x / odd;
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
