using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Margin;
using Ascl.Kernels.Softmax;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>
/// NaN comes out of a CUDA kernel as it does on the CPU, and labels that are no class become NaN there where the CPU refuses them: a broken
/// network must not look like a robust one.
/// </summary>
[Collection(TestGpu.Collection)]
public sealed class NaNParityTests
{
    private const int Rows = 3, Classes = 4;
    private static readonly float[] X = [1, float.NaN, -1, 2, 0.5f, 3, 0, 1, -2, 0.25f, 4, -0.5f];
    private static readonly int[] Labels = [0, 2, 1];

    private static readonly Dictionary<string, Action<Device, DeviceBuffer<float>, DeviceBuffer<float>>> Formulas = new()
    {
        ["relu"] = (_, x, y) => ElementwiseKernels.Relu(x, y),
        ["exp"] = (_, x, y) => ElementwiseKernels.Exp(x, y),
        ["abs"] = (_, x, y) => ElementwiseKernels.Abs(x, y),
        ["scale"] = (_, x, y) => ElementwiseKernels.Scale(x, 2, y),
        ["log-softmax"] = (_, x, y) => SoftmaxKernels.LogSoftmaxForward(Rows, Classes, x, y),
        ["cross-entropy"] = (device, x, y) =>
            SoftmaxKernels.CrossEntropyForward(Rows, Classes, x, device.Upload<int>(Labels), 0.1f, Reduction.None, y),
        ["divergence"] = (_, x, y) => SoftmaxKernels.KullbackLeiblerForward(Rows, Classes, x, x, y),
        ["margin"] = (device, x, y) =>
            MarginKernels.Forward(MarginLoss.Difference, Rows, Classes, x, device.Upload<int>([1, 2, 1]), null, y),
        ["ratio"] = (device, x, y) => MarginKernels.Forward(MarginLoss.Ratio, Rows, Classes, x, device.Upload<int>(Labels), null, y),
        ["targeted ratio"] = (device, x, y) =>
            MarginKernels.Forward(MarginLoss.Ratio, Rows, Classes, x, device.Upload<int>(Labels), device.Upload<int>([1, 0, 3]), y),
        ["probabilities"] = (device, x, y) =>
            ProbabilityMarginKernels.Forward(Rows, Classes, 1, 1, x, device.Upload<int>(Labels), y),
    };

    public static TheoryData<string> Names => [.. Formulas.Keys];

    [Theory, MemberData(nameof(Names))]
    public void NaNIsWhereItIsOnTheCpu(string name)
    {
        using CpuDevice cpu = new(1);
        float[] expected = Run(cpu), actual = Run(TestGpu.Device);
        Assert.Equal(expected.Select(float.IsNaN), actual.Select(float.IsNaN));
        Assert.Contains(expected, float.IsNaN);

        float[] Run(Device device)
        {
            bool isOfRows = !name.Contains("relu", StringComparison.Ordinal) && name is not ("exp" or "abs" or "scale" or "log-softmax");
            DeviceBuffer<float> y = device.Allocate<float>(isOfRows ? Rows : X.Length);
            Formulas[name](device, device.Upload<float>(X), y);
            return y.ToArray();
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(-1)]
    public void LabelsThatAreNoClass(int label)
    {
        float[] finite = [.. X.Select(x => float.IsNaN(x) ? 0 : x)];
        foreach (int loss in new[] { 0, 1, 2 })
        {
            using CpuDevice cpu = new(1);
            Assert.Throws<ArgumentException>(() => Run(cpu, loss));
            Assert.Equal([false, true, false], Run(TestGpu.Device, loss).Select(float.IsNaN));
        }

        float[] Run(Device device, int loss)
        {
            DeviceBuffer<float> x = device.Upload<float>(finite), y = device.Allocate<float>(Rows);
            DeviceBuffer<int> labels = device.Upload<int>([0, label, 1]);
            if (loss == 0)
                MarginKernels.Forward(MarginLoss.Ratio, Rows, Classes, x, labels, null, y);
            else if (loss == 1)
                ProbabilityMarginKernels.Forward(Rows, Classes, 1, 1, x, labels, y);
            else
                SoftmaxKernels.CrossEntropyForward(Rows, Classes, x, labels, 0, Reduction.None, y);
            return y.ToArray();
        }
    }
}
