namespace Ascl.Kernels.GpuCode;

/// <summary>
/// A Kahan sum in float: the rounding error of each addition is carried into the next. About as accurate as a double when one thread sums
/// thousands of values. Non-finite values give NaN.
/// </summary>
internal readonly struct CompensatedSum(float value, float excess)
{
    private readonly float excess = excess;

    public float Value { get; } = value;

    public CompensatedSum Plus(float x)
    {
        float missing = x - excess, sum = Value + missing;
        return new(sum, (sum - Value) - missing);
    }
}
