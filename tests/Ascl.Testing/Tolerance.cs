using Xunit;

namespace Ascl.Testing;

/// <summary>Comparisons that say where and by how much.</summary>
public static class Tolerance
{
    /// <summary>Every entry within <paramref name="relative"/> of the largest magnitude expected.</summary>
    public static void Close(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double relative, string what = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = 1e-30, worst = 0;
        int where = -1;
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(float.IsFinite(actual[i]), $"{what}: entry {i} is {actual[i]}");
            scale = Math.Max(scale, Math.Abs(expected[i]));
            double error = Math.Abs(expected[i] - actual[i]);
            if (error > worst)
                (worst, where) = (error, i);
        }
        Assert.True(worst <= relative * scale,
            $"{what}: entry {where} differs by {worst:g3} ({worst / scale:g3} of the largest entry), allowed {relative:g3}");
    }

    /// <summary>
    /// The root mean square of the errors within <paramref name="relative"/> of that of the values, and no single error above 30 times
    /// that: for algorithms such as Winograd's whose errors are spread like noise.
    /// </summary>
    public static void CloseInMean(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double relative, string what = "")
    {
        double errors = 0, values = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            errors += Math.Pow(expected[i] - actual[i], 2);
            values += expected[i] * expected[i];
        }
        double error = Math.Sqrt(errors / Math.Max(values, 1e-60));
        Assert.True(error <= relative, $"{what}: relative error in the mean {error:g3}, allowed {relative:g3}");
        Close(expected, actual, 30 * relative, what);
    }

    public static double[] ToDouble(ReadOnlySpan<float> values)
    {
        double[] result = new double[values.Length];
        for (int i = 0; i < result.Length; i++)
            result[i] = values[i];
        return result;
    }
}
