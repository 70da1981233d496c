using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Conv2d;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>Convolutions with groups, unequal strides and padding, and dilation.</summary>
[Collection(TestGpu.Collection)]
public sealed class WindowConv2dParityTests
{
    /// <summary>As in <see cref="WindowConv2dTests.Shapes"/>. A GPU takes those too.</summary>
    public static TheoryData<int[], int[]> Shapes { get; } = Small();

    private static TheoryData<int[], int[]> Small()
    {
        TheoryData<int[], int[]> shapes = new()
        {
            { [2, 5, 3, 8, 6, 1], [1, 7, 1, 1, 0, 3, 0, 3, 1, 1] }, { [1, 4, 6, 5, 7, 1], [3, 3, 2, 2, 0, 0, 1, 1, 1, 1] },
            { [1, 5, 6, 7, 5, 1], [3, 3, 1, 1, 2, 2, 2, 2, 2, 2] }, { [1, 3, 8, 8, 4, 1], [3, 3, 2, 3, 2, 1, 1, 2, 3, 2] },
            { [2, 8, 4, 5, 8, 2], [3, 3, 1, 1, 1, 1, 1, 1, 1, 1] }, { [1, 12, 5, 4, 20, 4], [3, 3, 2, 2, 1, 1, 1, 1, 1, 1] },
            { [1, 20, 3, 4, 10, 5], [1, 1, 1, 1, 0, 0, 0, 0, 1, 1] }, { [2, 6, 5, 6, 6, 6], [3, 3, 1, 1, 1, 1, 1, 1, 1, 1] },
            { [3, 35, 5, 4, 35, 35], [3, 3, 2, 2, 1, 1, 1, 1, 1, 1] }, { [1, 5, 7, 6, 10, 5], [5, 5, 2, 1, 2, 1, 1, 2, 1, 2] },
            { [1, 4, 5, 9, 4, 4], [3, 3, 2, 2, 0, 0, 1, 1, 1, 1] },
        };
        if (TestGpu.IsReal)
            foreach (object[] row in (IEnumerable<object[]>)WindowConv2dTests.Shapes)
                shapes.Add((int[])row[0], (int[])row[1]);
        return shapes;
    }

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinition(int[] sizes, int[] window) =>
        WindowConv2d.Check(TestGpu.Device, sizes, window, planes: false, TestGpu.IsReal ? 6e-6 : 1e-6);

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinitionOnImagePlanes(int[] sizes, int[] window) =>
        WindowConv2d.Check(TestGpu.Device, sizes, window, planes: true, TestGpu.IsReal ? 6e-6 : 1e-6);

    [Theory]
    [InlineData(1, 2, 0, 3)]
    [InlineData(-1, -2, -1, 0)]
    [InlineData(2, -1, -3, 1)]
    public void Padding(int top, int left, int bottom, int right)
    {
        foreach (bool planes in new[] { true, false })
            Parity.Check($"pad {top} {left} {bottom} {right}", device =>
            {
                ActivationLayout from = Layout(device, 6, 7), to = Layout(device, 6 + top + bottom, 7 + left + right);
                DeviceBuffer<float> y = device.Allocate<float>(to.Length), plain = device.Allocate<float>(to.N * to.C * to.H * to.W);
                ActivationKernels.Pad(from, device.Activation(from, DeviceData.Uniform(2 * 5 * 6 * 7, 1)), to, top, left, y);
                DeviceData.AssertZeroOutside(to, y, "pad");
                ActivationKernels.ToPlain(to, y, default, plain);
                return plain;

                ActivationLayout Layout(Device device, int h, int w) =>
                    planes ? ActivationLayout.Planes(2, 5, h, w) : ActivationLayout.Blocked(device, 2, 5, h, w);
            });
    }
}
