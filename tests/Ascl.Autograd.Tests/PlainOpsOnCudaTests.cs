using Ascl.Autograd.Checking;
using Ascl.Testing;

namespace Ascl.Autograd.Tests;

/// <summary>The ops of plain tensors on CUDA: on the machine's GPU, or by executing their PTX.</summary>
[Collection(TestGpu.Collection)]
public sealed class PlainOpsOnCudaTests
{
    public static TheoryData<string> Ops { get; } =
    [
        "subtract", "divide", "maximum", "power", "where", "compare", "transpose", "concat", "expand", "map_axis", "sum_over", "max_over",
        "softmax", "layer_norm", "group_norm", "mat_mul", "gemm", "tanh", "reciprocal", "to_plain",
    ];

    [Theory, MemberData(nameof(Ops))]
    public void ValuesAndGradientsAgreeWithTheFormula(string op)
    {
        foreach (OpCase c in OpCases.All(1).Where(c => c.Op == op))
        {
            GradientCheckResult result = GradientCheck.Run(TestGpu.Device, c);
            Assert.True(result.Passed,
                $"{c}: forward error {result.ForwardError:g3}, gradient error {result.GradientError:g3} at {result.WorstInput}");
        }
    }
}
