using Ascl.Autograd.Checking;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

[Collection(TestGpu.Collection)]
public sealed class TensorCoreConvolutionTests
{
    /// <summary>
    /// n, c, h, w, k, r, s, stride, padding: whole slices a tap, odd numbers of quads and chunks, columns and pixels that leave tiles
    /// partly empty, borders that need a copy, phases without taps, several parts of the pixels.
    /// </summary>
    internal static readonly int[][] Shapes =
    [
        [2, 8, 6, 5, 16, 3, 3, 1, 1], [1, 12, 5, 7, 20, 3, 3, 1, 1], [2, 5, 5, 7, 19, 3, 3, 1, 1], [1, 16, 12, 11, 5, 3, 3, 1, 1],
        [2, 16, 7, 6, 36, 3, 3, 2, 1], [1, 16, 9, 5, 32, 1, 1, 2, 0],
        [1, 68, 4, 5, 80, 3, 3, 1, 1], [1, 80, 5, 5, 70, 1, 1, 1, 0], [1, 32, 6, 6, 132, 1, 1, 1, 0], [1, 9, 3, 5, 40, 5, 5, 1, 2],
        [1, 6, 6, 7, 9, 3, 3, 1, 0], [1, 6, 8, 9, 7, 2, 2, 4, 0],
        [1, 64, 5, 4, 64, 3, 3, 2, 1], [2, 8, 16, 17, 8, 3, 3, 1, 1],
    ];

    [TensorCoreTheory]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.Tf32)]
    public void MatchesTheDefinitionOnRoundedNumbers(Precision precision)
    {
        Dictionary<int[], float[]> results = Shapes.ToDictionary(shape => shape, shape => Check(precision, shape));
        TensorCores.Emulation.LastWarpFirst = true;
        using (TensorCores.Device(precision).WithLargeTilesOnly())
            foreach (int[] shape in Shapes.Where(shape => shape[1] > 32 || shape[4] > 32))
                Assert.Equal(results[shape], Check(precision, shape));
        TensorCores.Emulation.LastWarpFirst = false;
        string[] all = [.. TensorCorePtxTests.EntryPoints("TensorCoreConvolution"),
            .. TensorCorePtxTests.EntryPoints("TensorCoreWeightGradient")];
        if (!TestGpu.IsReal)
            Assert.Empty(all.Where(name => name.Contains(NativeKernel.Suffix(precision), StringComparison.Ordinal))
                .Except(TensorCores.Emulation.Launched));
    }

    /// <summary>Returns y and dx, which do not depend on the tiles.</summary>
    internal static float[] Check(Precision precision, int[] shape)
    {
        var (n, c, h, w, k, r, s, stride, padding) = (shape[0], shape[1], shape[2], shape[3], shape[4], shape[5], shape[6], shape[7],
            shape[8]);
        CudaDevice device = TensorCores.Device(precision);
        Conv2dGeometry g = Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, n, c, h, w), [k, c, r, s], stride, padding);
        string where = $"{precision} {g}: ";
        int outputs = n * k * g.Output.H * g.Output.W;
        float[] x = DeviceData.Uniform(n * c * h * w, 1), weight = DeviceData.Uniform(g.WeightLength, 2);
        float[] dy = DeviceData.Uniform(outputs, 3);
        float[] bias = DeviceData.Uniform(k, 4), residual = DeviceData.Uniform(outputs, 5), gate = DeviceData.Uniform(outputs, 7);
        DeviceBuffer<float> xBuffer = Upload(g.Input, x), dyBuffer = Upload(g.Output, dy), weightBuffer = device.Upload<float>(weight);
        DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = device.Allocate<float>(g.Input.Length);
        DeviceBuffer<float> dw = device.Upload<float>(weight);
        double[] xd = TensorCores.Rounded(precision, x), wd = TensorCores.Rounded(precision, weight);
        double[] dyd = TensorCores.Rounded(precision, dy);
        var (xs, ws) = ((n, c, h, w), (k, r, s));

        double[] expected = ReferenceConv2d.Forward(xd, xs, wd, ws, stride, padding);
        Conv2dKernels.Forward(g, xBuffer, weightBuffer, default, y);
        Same(expected, g.Output, y, where + "forward");
        Conv2dKernels.Forward(g, xBuffer, weightBuffer,
            new(device.Upload<float>(bias), Upload(g.Output, residual), true, Upload(g.Output, gate)), y);
        Same([.. expected.Select((v, i) => gate[i] > 0 ? Math.Max(0, v + bias[i / (g.Output.H * g.Output.W) % k] + residual[i]) : 0)],
            g.Output, y, where + "forward with everything");

        double[] gradient = ReferenceConv2d.BackwardInput(dyd, xs, wd, ws, stride, padding);
        float[] addend = DeviceData.Uniform(x.Length, 6);
        Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, new(Residual: Upload(g.Input, addend), Gate: xBuffer), dx);
        Same([.. gradient.Select((v, i) => x[i] > 0 ? v + addend[i] : 0)], g.Input, dx, where + "backward input, added and gated");

        Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
        float[] first = dw.ToArray();
        Tolerance.CloseInMean(ReferenceConv2d.BackwardWeight(xd, dyd, xs, ws, stride, padding), first, TensorCores.Allowed,
            where + "backward weight");
        if (n == 2)
        {
            Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
            Assert.Equal(first, dw.ToArray());
        }
        return [.. y.ToArray(), .. dx.ToArray()];

        DeviceBuffer<float> Upload(ActivationLayout layout, float[] plain)
        {
            float[] values = new float[layout.Length];
            foreach (var (i, place) in Places(layout).Index())
                values[place] = plain[i];
            return device.Upload<float>(values);
        }

        void Same(double[] values, ActivationLayout layout, DeviceBuffer<float> actual, string what)
        {
            float[] memory = actual.ToArray();
            Tolerance.CloseInMean(values, [.. Places(layout).Select(place => memory[place])], TensorCores.Allowed, what);
            DeviceData.AssertZeroOutside(layout, actual, what);
        }
    }

    /// <summary>Where the values of a plain [N, C, H, W] lie. (The kernels that convert are slow on a simulated GPU.)</summary>
    private static IEnumerable<int> Places(ActivationLayout layout) =>
        from n in Enumerable.Range(0, layout.N)
        from c in Enumerable.Range(0, layout.C)
        from y in Enumerable.Range(0, layout.H)
        from x in Enumerable.Range(0, layout.W)
        select n * layout.ImageSize + layout.Interior + y * layout.RowStride + x * layout.Block + c;
}
