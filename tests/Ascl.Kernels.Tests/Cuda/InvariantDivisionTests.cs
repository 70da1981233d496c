using Ascl.Kernels.GpuCode;

namespace Ascl.Kernels.Tests.Cuda;

public sealed class InvariantDivisionTests
{
    [Fact]
    public void IsExact()
    {
        int[] divisors = [.. Enumerable.Range(1, 300), 1023, 1024, 1025, 65535, 65537, 1 << 30, (1 << 30) + 1, int.MaxValue - 1,
            int.MaxValue];
        foreach (int divisor in divisors)
        {
            InvariantDivision division = new(divisor);
            for (long multiple = 0; multiple <= int.MaxValue; multiple += Math.Max(divisor, int.MaxValue / 500 / divisor * divisor))
                foreach (long value in new[] { multiple - 1, multiple, multiple + 1, multiple + divisor - 1 })
                    if (value is >= 0 and <= int.MaxValue)
                        Assert.True(division.Quotient((int)value) == value / divisor && division.Remainder((int)value) == value % divisor,
                            $"{value} / {divisor} gave {division.Quotient((int)value)}");
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => new InvariantDivision(0));
    }
}
