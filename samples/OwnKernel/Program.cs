// Write a kernel of your own for CPU and CUDA, check its gradient, profile it, and write a Chrome trace.
using Ascl.Autograd;
using Ascl.Autograd.Checking;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Profiling;
using ILGPU;

List<Device> devices = [ComputeDevice.Open("cpu")];
if (CudaDevice.Available().Count > 0)
    devices.Add(ComputeDevice.Open("cuda"));

OpCase cube = new(
    "cube", "133 values", [new CaseInputs(seed: 1).Draw("x", 7, 19)], x => x[0].Cubed(), x => [.. x[0].Select(v => v * v * v)]);
bool allPassed = true;
foreach (Device device in devices)
{
    GradientCheckResult check = GradientCheck.Run(device, cube);
    string result = check.Passed ? "pass" : "FAIL";
    Console.WriteLine($"{device.Name}: forward error {check.ForwardError:g2}, gradient error {check.GradientError:g2}: {result}");
    allPassed &= check.Passed;

    Tensor x = Tensor.FromArray(device, new(1 << 20), new float[1 << 20], requiresGrad: true);
    KernelProfile profile = KernelProfile.Of(device, () =>
    {
        using IDisposable scope = device.Pool.BeginScope();
        Gradient.Of(x.Cubed().Sum(), x);
    });
    foreach (KernelTotal kernel in profile.Totals(byShape: false))
        Console.WriteLine($"  {kernel.Name}: {kernel.Milliseconds:F2} ms, {kernel.GigabytesPerSecond:F1} GB/s");
    profile.SaveChromeTrace("cube.json");
    Console.WriteLine("  trace in cube.json, for Perfetto or chrome://tracing");
    device.Dispose();
}
return allPassed ? 0 : 1;

/// <summary>y = x³.</summary>
public static class CubeOp
{
    private const int Chunk = 4096;

    public static Tensor Cubed(this Tensor x)
    {
        Tensor y = Tensor.EmptyLike(x);
        Run("cube.forward", x.Data, null, y.Data);
        // dL/dx = 3·x²·dL/dy, computed when a gradient with respect to x is asked for.
        return y.Record("cube", (x, dy =>
        {
            Tensor dx = Tensor.EmptyLike(x);
            Run("cube.backward", x.Data, dy.Data, dx.Data);
            return dx;
        }));
    }

    // Name, shape, operations and bytes are what profiles and traces show; the last argument is what the kernel writes.
    private static void Run(string name, DeviceBuffer<float> x, DeviceBuffer<float>? dy, DeviceBuffer<float> to) => DeviceKernel.Run(
        name, x.Length, 3.0 * x.Length, 4.0 * x.Length * (dy is null ? 2 : 3),
        cpu => cpu.For((x.Length + Chunk - 1) / Chunk, (chunk, thread) =>
        {
            ReadOnlySpan<float> values = CpuDevice.ReadSpan(x), gradients = dy is null ? [] : CpuDevice.ReadSpan(dy);
            Span<float> results = CpuDevice.Span(to);
            for (int i = chunk * Chunk; i < Math.Min(values.Length, (chunk + 1) * Chunk); i++)
                results[i] = dy is null ? values[i] * values[i] * values[i] : 3 * values[i] * values[i] * gradients[i];
        }),
        cuda => cuda.Launch(Kernel, (CudaDevice.Groups(x.Length), CudaDevice.GroupSize), new CubeArguments
        {
            X = CudaDevice.View(x),
            Gradient = CudaDevice.View(dy),
            To = CudaDevice.View(to),
        }),
        to);

    public struct CubeArguments
    {
        public ArrayView<float> X, Gradient, To;
    }

    /// <summary>Compiled by ILGPU to PTX; each thread has one value.</summary>
    public static void Kernel(CubeArguments p)
    {
        int i = Grid.GlobalIndex.X;
        if (i >= p.To.IntLength)
            return;
        float x = p.X[i];
        p.To[i] = p.Gradient.IntLength == 0 ? x * x * x : 3 * x * x * p.Gradient[i];
    }
}
