using System.Runtime.Intrinsics.Arm;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Elementwise;

public sealed class ElementwiseTests
{
    /// <summary>0…257, and lengths that are several items of the parallel loop.</summary>
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 258), 65535, 65536, 65537, 3 * 65536 + 5];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void EveryLengthMatchesTheFormula(int threads)
    {
        using CpuDevice device = new(threads);
        foreach (int length in Lengths)
        {
            float[] a = DeviceData.Uniform(length, 1), b = DeviceData.Uniform(length, 2);
            DeviceBuffer<float> ab = device.Upload<float>(a), bb = device.Upload<float>(b);
            Check("relu", y => ElementwiseKernels.Relu(ab, y), i => Math.Max(0, a[i]));
            Check("relu.backward", y => ElementwiseKernels.ReluBackward(bb, ab, y), i => a[i] > 0 ? b[i] : 0);
            Check("add", y => ElementwiseKernels.Add(ab, bb, y), i => a[i] + b[i]);
            Check("add_scaled", y => ElementwiseKernels.AddScaled(ab, bb, -0.7f, y), i => MulAdd(-0.7f, b[i], a[i]));
            Check("scale", y => ElementwiseKernels.Scale(ab, 0.3f, y), i => 0.3f * a[i]);
            Check("interpolate", y => ElementwiseKernels.Interpolate(ab, bb, 0.3f, y), i => MulAdd(0.3f, b[i] - a[i], a[i]));
            Check("multiply", y => ElementwiseKernels.Multiply(ab, bb, y), i => a[i] * b[i]);
            Check("abs", y => ElementwiseKernels.Abs(ab, y), i => Math.Abs(a[i]));
            Check("abs.backward", y => ElementwiseKernels.AbsBackward(bb, ab, y), i => b[i] * Math.Sign(a[i]));
            Check("fill", y => ElementwiseKernels.Fill(device.Upload<float>([4f]), 0.5f, y), _ => 2);

            void Check(string what, Action<DeviceBuffer<float>> run, Func<int, float> formula)
            {
                DeviceBuffer<float> y = device.Allocate<float>(length);
                run(y);
                float[] actual = y.ToArray();
                for (int i = 0; i < length; i++)
                    Assert.True(formula(i) == actual[i], $"{what} of {length}: entry {i} is {actual[i]}, not {formula(i)}");
                DeviceData.AssertNothingBehind(y, what);
            }
        }
    }

    /// <summary>In one rounding where the machine can.</summary>
    private static float MulAdd(float a, float b, float c) =>
        SimdWidth.Current > 4 || AdvSimd.IsSupported ? MathF.FusedMultiplyAdd(a, b, c) : a * b + c;

    [Fact]
    public void SmoothActivationsAreFiniteFarFromZeroAndHideNoNaN()
    {
        using CpuDevice device = new(1);
        float[] x = [-1e30f, -200, -1e-30f, 0, 1e-30f, 200, 1e30f, float.NaN];
        float[] ones = [.. x.Select(_ => 1f)];
        Check((from, to) => ElementwiseKernels.Silu(from, to), [0, 0, 0, 0, 0, 200, 1e30f]);
        Check((from, to) => ElementwiseKernels.Softplus(from, 10, to),
            [0, 0, MathF.Log(2) / 10, MathF.Log(2) / 10, MathF.Log(2) / 10, 200, 1e30f]);
        Check((from, to) => ElementwiseKernels.Gelu(from, to), [0, 0, 0, 0, 0, 200, 1e30f]);
        Check((from, to) => ElementwiseKernels.SiluBackward(device.Upload<float>(ones), from, to), [0, 0, 0.5f, 0.5f, 0.5f, 1, 1]);
        Check((from, to) => ElementwiseKernels.SoftplusBackward(device.Upload<float>(ones), from, 10, to), [0, 0, 0.5f, 0.5f, 0.5f, 1, 1]);
        Check((from, to) => ElementwiseKernels.GeluBackward(device.Upload<float>(ones), from, to), [0, 0, 0.5f, 0.5f, 0.5f, 1, 1]);

        void Check(Action<DeviceBuffer<float>, DeviceBuffer<float>> run, float[] expected)
        {
            DeviceBuffer<float> y = device.Allocate<float>(x.Length);
            run(device.Upload<float>(x), y);
            float[] actual = y.ToArray();
            for (int i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(actual[i] - expected[i]) <= 1e-6f * Math.Max(1, Math.Abs(expected[i])),
                    $"{actual[i]} at {x[i]}, not {expected[i]}");
            Assert.True(float.IsNaN(actual[^1]));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(21)]
    public void OutsideIsClearedAndInsideIsKept(int channels)
    {
        using CpuDevice device = new(2);
        ActivationLayout layout = ActivationLayout.Blocked(device, 2, channels, 3, 4);
        float[] plain = DeviceData.Uniform(2 * channels * 12, 1);
        DeviceBuffer<float> expected = device.Activation(layout, plain), y = device.Activation(layout, plain);
        float[] dirty = [.. y.ToArray().Select(v => v == 0 ? 7 : v)];
        y.CopyFrom(dirty);
        ActivationKernels.ClearOutside(layout, y);
        Assert.Equal(expected.ToArray(), y.ToArray());
    }

    [Fact]
    public void DerivedValuesOfTheResultAreMadeAgain()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> y = device.Upload<float>([1, 2]), b = device.Upload<float>([3, 4]);
        object before = y.Derived<object>("test", _ => new object());
        ElementwiseKernels.Interpolate(y, b, 0.5f, y);
        object between = y.Derived<object>("test", _ => new object());
        ElementwiseKernels.Copy(b, 0, y, 0, 2);
        Assert.Equal(3, new[] { before, between, y.Derived<object>("test", _ => new object()) }.Distinct().Count());
    }

    [Fact]
    public void OperandsMayAliasTheResult()
    {
        using CpuDevice device = new(2);
        float[] a = DeviceData.Uniform(100, 1), b = DeviceData.Uniform(100, 2);
        DeviceBuffer<float> ab = device.Upload<float>(a);
        ElementwiseKernels.Add(ab, device.Upload<float>(b), ab);
        Assert.Equal(a.Zip(b, (u, v) => u + v), ab.ToArray());
    }

    [Fact]
    public void ReluHidesNoNaN()
    {
        using CpuDevice device = new(1);
        float[] x = new float[40];
        (x[3], x[39]) = (float.NaN, float.NaN);
        DeviceBuffer<float> y = device.Allocate<float>(40);
        ElementwiseKernels.Relu(device.Upload<float>(x), y);
        Assert.Equal(x, y.ToArray());
    }

    [Fact]
    public void ReluGateIsClosedAtZero()
    {
        using CpuDevice device = new(1);
        float[] y = [0, -0f, float.Epsilon, 1, -1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3];
        DeviceBuffer<float> dx = device.Allocate<float>(y.Length);
        ElementwiseKernels.ReluBackward(device.Upload<float>([.. y.Select(_ => 5f)]), device.Upload<float>(y), dx);
        Assert.Equal(y.Select(v => v > 0 ? 5f : 0), dx.ToArray());
    }

    [Fact]
    public void CopyMovesAPart()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> to = device.Allocate<float>(5);
        ElementwiseKernels.Copy(device.Upload<float>([1, 2, 3, 4]), 1, to, 2, 2);
        Assert.Equal([0, 0, 2, 3, 0], to.ToArray());
        Assert.ThrowsAny<ArgumentException>(() => ElementwiseKernels.Copy(to, 0, device.Allocate<float>(3), 0, 4));
    }

    [Fact]
    public void LengthsThatDifferAreNamed()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> three = device.Allocate<float>(3), four = device.Allocate<float>(4);
        Assert.Equal("add: lengths 3, 4 and 3 differ",
            Assert.Throws<ShapeException>(() => ElementwiseKernels.Add(three, four, three)).Message);
        Assert.Throws<ShapeException>(() => ElementwiseKernels.Relu(three, four));
    }
}
