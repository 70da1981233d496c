using Ascl.Core.Diagnostics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Unary;

/// <summary>Formulas of one value with two parameters over whole buffers. Outputs may be inputs.</summary>
public static partial class UnaryKernels
{
    /// <summary>y = f(x).</summary>
    /// <param name="function">f. If f(0) ≠ 0, callers must clear an activation's border afterwards.</param>
    /// <param name="p">f's first parameter; 0 if it has none.</param>
    /// <param name="q">f's second parameter; 0 if it has none.</param>
    /// <param name="x">The values.</param>
    /// <param name="y">Receives f(x).</param>
    public static void Forward(UnaryFunction function, float p, float q, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        if (x.Length != y.Length)
            throw new ShapeException($"{function}: lengths {x.Length} and {y.Length} differ");
        UnaryCall call = Of(function);
        DeviceKernel.Run("unary.forward", (function, y.Length), y.Length, 8.0 * y.Length, cpu => call.Forward(cpu, p, q, x, y),
            cuda => call.Forward(cuda, p, q, x, y), y);
    }

    /// <summary>dx = dy·f′(x).</summary>
    /// <param name="function">f. If f′(0) is not finite, callers must clear an activation's border afterwards.</param>
    /// <param name="p">f's first parameter.</param>
    /// <param name="q">f's second parameter.</param>
    /// <param name="dy">The gradient of f(x).</param>
    /// <param name="x">The values.</param>
    /// <param name="dx">Receives the gradient of x.</param>
    public static void Backward(
        UnaryFunction function, float p, float q, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx)
    {
        if (x.Length != dy.Length || x.Length != dx.Length)
            throw new ShapeException($"{function}: lengths {dy.Length}, {x.Length} and {dx.Length} differ");
        UnaryCall call = Of(function);
        DeviceKernel.Run("unary.backward", (function, x.Length), x.Length, 12.0 * x.Length, cpu => call.Backward(cpu, p, q, dy, x, dx),
            cuda => call.Backward(cuda, p, q, dy, x, dx), dx);
    }

    private static UnaryCall Of(UnaryFunction function) => function switch
    {
        UnaryFunction.Negate => Call<Arithmetic.Negate>.Instance,
        UnaryFunction.Reciprocal => Call<Arithmetic.Reciprocal>.Instance,
        UnaryFunction.SquareRoot => Call<Arithmetic.SquareRoot>.Instance,
        UnaryFunction.Square => Call<Arithmetic.Square>.Instance,
        UnaryFunction.Cube => Call<Arithmetic.Cube>.Instance,
        UnaryFunction.Power => Call<Arithmetic.Power>.Instance,
        UnaryFunction.Log => Call<Arithmetic.Log>.Instance,
        UnaryFunction.Exp => Call<Arithmetic.Exp>.Instance,
        UnaryFunction.AddScalar => Call<Arithmetic.AddScalar>.Instance,
        UnaryFunction.Clip => Call<Arithmetic.Clip>.Instance,
        UnaryFunction.Sine => Call<Arithmetic.Sine>.Instance,
        UnaryFunction.Cosine => Call<Arithmetic.Cosine>.Instance,
        UnaryFunction.Not => Call<Arithmetic.Not>.Instance,
        UnaryFunction.Floor => Call<Arithmetic.Floor>.Instance,
        UnaryFunction.Ceiling => Call<Arithmetic.Ceiling>.Instance,
        UnaryFunction.Round => Call<Arithmetic.Round>.Instance,
        UnaryFunction.Sign => Call<Arithmetic.Sign>.Instance,
        UnaryFunction.Erf => Call<ActivationFunctions.Erf>.Instance,
        UnaryFunction.Sigmoid => Call<ActivationFunctions.Sigmoid>.Instance,
        UnaryFunction.Tanh => Call<ActivationFunctions.Tanh>.Instance,
        UnaryFunction.Softsign => Call<ActivationFunctions.Softsign>.Instance,
        UnaryFunction.LeakyRelu => Call<ActivationFunctions.LeakyRelu>.Instance,
        UnaryFunction.Elu => Call<ActivationFunctions.Elu>.Instance,
        UnaryFunction.Selu => Call<ActivationFunctions.Selu>.Instance,
        UnaryFunction.Celu => Call<ActivationFunctions.Celu>.Instance,
        UnaryFunction.HardSigmoid => Call<ActivationFunctions.HardSigmoid>.Instance,
        UnaryFunction.HardSwish => Call<ActivationFunctions.HardSwish>.Instance,
        UnaryFunction.Mish => Call<ActivationFunctions.Mish>.Instance,
        UnaryFunction.Softplus => Call<ActivationFunctions.Softplus>.Instance,
        UnaryFunction.GeluTanh => Call<ActivationFunctions.GeluTanh>.Instance,
        _ => throw new ArgumentOutOfRangeException(nameof(function), function, "no such function"),
    };

    /// <summary>The kernels of one formula.</summary>
    private abstract class UnaryCall
    {
        public abstract void Forward(CpuDevice device, float p, float q, DeviceBuffer<float> x, DeviceBuffer<float> y);

        public abstract void Backward(
            CpuDevice device, float p, float q, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx);

        public abstract void Forward(CudaDevice device, float p, float q, DeviceBuffer<float> x, DeviceBuffer<float> y);

        public abstract void Backward(
            CudaDevice device, float p, float q, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx);
    }

    private sealed class Call<TFormula> : UnaryCall where TFormula : struct, IUnaryFormula
    {
        public static readonly Call<TFormula> Instance = new();

        public override void Forward(CpuDevice device, float p, float q, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            RunCpu<ForwardPass<TFormula>>(device, p, q, x, x, y);

        public override void Backward(
            CpuDevice device, float p, float q, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx) =>
            RunCpu<BackwardPass<TFormula>>(device, p, q, dy, x, dx);

        public override void Forward(CudaDevice device, float p, float q, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            ForwardCuda<TFormula>(device, p, q, x, y);

        public override void Backward(
            CudaDevice device, float p, float q, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx) =>
            BackwardCuda<TFormula>(device, p, q, dy, x, dx);
    }
}
