namespace Ascl.Kernels.Tests.Contrastive;

internal static class Approximately
{
    /// <summary>Fails where a value differs by more than <paramref name="tolerance"/> of the largest expected one.</summary>
    public static void Equal(string what, double[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * largest))
                Assert.Fail($"{what}[{i}]: expected {expected[i]}, got {actual[i]}; largest expected {largest}, tolerance {tolerance}");
    }
}
