using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Tests.Simd;

public sealed unsafe class ExponentialTests
{
    [Fact]
    public void Is_within_two_ulp_over_its_whole_range()
    {
        for (float x = -80; x <= 88; x += 0.000731f)
        {
            double exact = Math.Exp(x);
            float ulp = MathF.BitIncrement((float)exact) - (float)exact;
            double error = Math.Abs(Of(x) - exact) / ulp;
            Assert.True(error <= 2, $"exp({x}) is off by {error} ulp");
        }
    }

    [Fact]
    public void Ends_in_zero_finite_values_and_NaN()
    {
        Assert.Equal(1, Of(0));
        Assert.Equal(1, Of(-0f));
        foreach (float low in new[] { -80.1f, -1000, float.MinValue, float.NegativeInfinity })
            Assert.Equal(0, Of(low));
        foreach (float high in new[] { 88.5f, float.MaxValue, float.PositiveInfinity })
            Assert.InRange(Of(high), 1.6e38f, float.MaxValue);
        Assert.True(float.IsNaN(Of(float.NaN)));
    }

    private static float Of(float x) => SimdWidth.Current switch
    {
        16 => Lane<F16>(x),
        8 => Lane<F8>(x),
        _ => Lane<F4>(x),
    };

    private static float Lane<F>(float x) where F : struct, ISimd<F>
    {
        float* lanes = stackalloc float[F.Width];
        Exponential.Of(F.Broadcast(x)).Store(lanes);
        return lanes[F.Width - 1];
    }
}
