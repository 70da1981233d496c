using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Channels;

/// <summary>An activation's memory with its layout.</summary>
/// <param name="Layout">How it lies in memory.</param>
/// <param name="Data">The memory.</param>
public readonly record struct ActivationPart(ActivationLayout Layout, DeviceBuffer<float> Data);

/// <summary>Channels of activations put together, taken apart and in another order.</summary>
public static unsafe partial class ChannelKernels
{
    private static readonly ChannelsCpu Cpu =
        SimdWidth.Choose<ChannelsCpu>(() => new ChannelsCpu<F16>(), () => new ChannelsCpu<F8>(), () => new ChannelsCpu<F4>());

    /// <summary>y[:, i] = the channel <paramref name="channels"/>[i] of the parts' channels, one part after another.</summary>
    /// <param name="parts">Activations in channel blocks, of equal N, H and W.</param>
    /// <param name="channels">Indices into the parts' channels; repeats are allowed.</param>
    /// <param name="output">The layout of y, with as many channels as there are indices.</param>
    /// <param name="y">Receives the channels. Its border is not read, and stays zero.</param>
    /// <exception cref="ShapeException">The layouts do not fit, or an index is out of range.</exception>
    public static void Select(
        IReadOnlyList<ActivationPart> parts, ReadOnlySpan<int> channels, ActivationLayout output, DeviceBuffer<float> y) =>
        Gather("channels.select", parts, ChannelMap.Of([.. parts.Select(part => part.Layout.C)], channels), output, y);

    /// <summary>
    /// The gradient of <see cref="Select"/> for one part: dx[:, c] = the sum of all dy[:, i] with <paramref name="channels"/>[i] =
    /// <paramref name="first"/> + c, in the order of i; 0 for a channel that was not selected.
    /// </summary>
    /// <param name="dy">The gradient with respect to y, with its layout.</param>
    /// <param name="channels">As they were selected.</param>
    /// <param name="first">The part's first channel among those of all parts.</param>
    /// <param name="part">The part's layout.</param>
    /// <param name="dx">Receives the gradient.</param>
    /// <exception cref="ShapeException">The layouts do not fit.</exception>
    public static void SelectBackward(
        ActivationPart dy, ReadOnlySpan<int> channels, int first, ActivationLayout part, DeviceBuffer<float> dx) =>
        Gather("channels.select_backward", [dy], ChannelMap.Back(channels, first, part.C), part, dx);

    private static void Gather(
        string name, IReadOnlyList<ActivationPart> parts, ChannelMap map, ActivationLayout output, DeviceBuffer<float> y)
    {
        foreach (var (layout, _) in parts)
            if (layout.Block == 1 || (layout.N, layout.H, layout.W) != (output.N, output.H, output.W))
                throw new ShapeException($"{name}: {layout} in blocks of {layout.Block} has no channels for {output}");
        if (output.Block == 1 || output.C != map.Channels)
            throw new ShapeException($"{name}: {map.Channels} channels for {output} in blocks of {output.Block}");
        DeviceKernel.Run(name, output, (map.Rounds.Count - 1.0) * output.Length, 8.0 * output.Length,
            cpu => Cpu.Gather(cpu, parts, map, output, CpuDevice.Pointer(y)),
            cuda => Cuda.Gather(cuda, parts, map, output, y),
            y);
    }
}
