using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Channels;

internal abstract unsafe class ChannelsCpu
{
    public abstract void Gather(CpuDevice device, IReadOnlyList<ActivationPart> parts, ChannelMap map, ActivationLayout output, float* y);
}

/// <summary>
/// A lane is a channel; a work item is one channel block of one image. All activations have the same planes, so a block is moved from its
/// first pixel to its last in one run, with the zeros of the border between the rows.
/// </summary>
internal sealed unsafe class ChannelsCpu<F> : ChannelsCpu where F : struct, ISimd<F>
{
    public override void Gather(CpuDevice device, IReadOnlyList<ActivationPart> parts, ChannelMap map, ActivationLayout output, float* y)
    {
        LaneMoves moves = new(map, parts, F.Width);
        nint[] from = [.. parts.Select(part => (nint)CpuDevice.Pointer(part.Data))];
        nint[] images = [.. parts.Select(part => (nint)part.Layout.ImageSize)];
        nint plane = output.PlaneSize, begin = output.Interior, length = output.PlaneSize - 2 * output.Interior;
        device.For(output.N * output.Blocks, (item, _) =>
        {
            int n = item / output.Blocks, block = item % output.Blocks;
            var (step, count) = moves.Steps(block);
            float* to = y + item * plane + begin;
            if (count == 0)
                new Span<float>(to, (int)length).Clear();
            else if (moves.Copies(block))
                Buffer.MemoryCopy(Source(step), to, length * sizeof(float), length * sizeof(float));
            else
                fixed (int* lanes = &moves.Lanes[step * F.Width], masks = &moves.Masks[step * F.Width])
                {
                    if (count == 2)
                        MoveTwo(Source(step), Source(step + 1), (float*)lanes, (float*)masks, to, length);
                    else
                        for (int i = 0; i < count; i++)
                            Move(Source(step + i), (float*)lanes + i * F.Width, (float*)masks + i * F.Width, to, length, i > 0);
                }

            float* Source(int s)
            {
                var (part, b) = moves.Sources[s];
                return (float*)from[part] + n * images[part] + b * plane + begin;
            }
        });
        GC.KeepAlive(parts);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Move(float* from, float* lanes, float* mask, float* to, nint length, bool add)
    {
        F l = F.Load(lanes), m = F.Load(mask);
        if (add)
            for (nint i = 0; i < length; i += F.Width)
                (F.Load(to + i) + F.Moved(F.Load(from + i), l, m)).Store(to + i);
        else
            for (nint i = 0; i < length; i += F.Width)
                F.Moved(F.Load(from + i), l, m).Store(to + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MoveTwo(float* a, float* b, float* lanes, float* masks, float* to, nint length)
    {
        F la = F.Load(lanes), lb = F.Load(lanes + F.Width), ma = F.Load(masks), mb = F.Load(masks + F.Width);
        for (nint i = 0; i < length; i += F.Width)
            (F.Moved(F.Load(a + i), la, ma) + F.Moved(F.Load(b + i), lb, mb)).Store(to + i);
    }
}
