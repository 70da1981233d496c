using Ascl.Core.Diagnostics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Broadcast;

/// <summary>Elementwise formulas of plain arrays with NumPy's broadcasting.</summary>
public static partial class BroadcastKernels
{
    /// <summary>y = formula(a, b, c), each operand broadcast to y's shape.</summary>
    /// <param name="formula">Which formula.</param>
    /// <param name="geometry">The shapes.</param>
    /// <param name="a">The first operand.</param>
    /// <param name="b">The second; the first for formulas of one value.</param>
    /// <param name="c">The third; the first for formulas of two values.</param>
    /// <param name="y">Receives the result.</param>
    public static void Map(
        BroadcastFormula formula, BroadcastGeometry geometry, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> c,
        DeviceBuffer<float> y)
    {
        switch (formula)
        {
            case BroadcastFormula.First:
                Run<FirstFormula>("first", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Add:
                Run<AddFormula>("add", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Subtract:
                Run<SubtractFormula>("subtract", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Multiply:
                Run<MultiplyFormula>("multiply", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Divide:
                Run<DivideFormula>("divide", geometry, a, b, c, y);
                break;
            case BroadcastFormula.DivideGradient:
                Run<DivideGradientFormula>("divide.backward", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Maximum:
                Run<MaximumFormula>("maximum", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Minimum:
                Run<MinimumFormula>("minimum", geometry, a, b, c, y);
                break;
            case BroadcastFormula.LargerGradient:
                Run<LargerGradientFormula>("maximum.backward", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Power:
                Run<PowerFormula>("power", geometry, a, b, c, y);
                break;
            case BroadcastFormula.PowerBaseGradient:
                Run<PowerBaseGradientFormula>("power.backward_base", geometry, a, b, c, y);
                break;
            case BroadcastFormula.PowerExponentGradient:
                Run<PowerExponentGradientFormula>("power.backward_exponent", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Select:
                Run<SelectFormula>("select", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Equal:
                Run<EqualFormula>("equal", geometry, a, b, c, y);
                break;
            case BroadcastFormula.Less:
                Run<LessFormula>("less", geometry, a, b, c, y);
                break;
            case BroadcastFormula.LessOrEqual:
                Run<LessOrEqualFormula>("less_or_equal", geometry, a, b, c, y);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(formula), formula, "no such formula");
        }
    }

    private static void Run<TFormula>(
        string name, BroadcastGeometry geometry, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> c,
        DeviceBuffer<float> y)
        where TFormula : struct, ITernaryFormula
    {
        int[] lengths = geometry.Lengths;
        int length = geometry.Walk.Length;
        if (a.Length != lengths[0] || b.Length != lengths[1] || c.Length != lengths[2] || y.Length != length)
            throw new ShapeException(
                $"{name}: buffers of {a.Length}, {b.Length}, {c.Length} and {y.Length} where {lengths[0]}, {lengths[1]}, {lengths[2]} and "
                + $"{length} are needed");
        if (length == 0)
            return;
        DeviceKernel.Run($"broadcast.{name}", geometry, length, 4.0 * (length + lengths[0] + (b == a ? 0 : lengths[1])),
            cpu => RunCpu<TFormula>(cpu, geometry, a, b, c, y),
            cuda => RunCuda<TFormula>(cuda, geometry, a, b, c, y),
            y);
    }
}
