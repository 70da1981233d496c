namespace Ascl.Kernels.GpuCode;

/// <summary>A float sum of many values that carries what its additions round off into the next ones (Kahan): as good as a double where one thread sums
/// thousands. What is not finite ends as NaN.</summary>
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
