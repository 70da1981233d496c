using System.Runtime.CompilerServices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Pool2d;

internal abstract unsafe class Pool2dCpu
{
    public abstract void Forward(CpuDevice device, Pool2dGeometry g, bool max, float* x, float* y);

    /// <summary>The gradient of average pooling if x and y are null, else of max pooling.</summary>
    public abstract void Backward(CpuDevice device, Pool2dGeometry g, float* dy, float* x, float* y, float* dx);
    public abstract void GlobalForward(CpuDevice device, ActivationLayout layout, float* x, float* y);
    public abstract void GlobalBackward(CpuDevice device, ActivationLayout layout, float* dy, float* dx);
}

/// <summary>A lane is a channel; a work item is one image.</summary>
internal sealed unsafe class Pool2dCpu<F> : Pool2dCpu where F : struct, ISimd<F>
{
    public override void Forward(CpuDevice device, Pool2dGeometry g, bool max, float* x, float* y)
    {
        PlaneView from = new(g.Input, x), to = new(g.Output, y);
        device.For(g.Input.N, (n, _) =>
        {
            for (int block = 0; block < g.Input.Blocks; block++)
                ForwardPlane(g, max, from.First + n * from.Image + block * from.Plane, from.Row, to.First + n * to.Image + block * to.Plane,
                    to.Row);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardPlane(Pool2dGeometry g, bool max, float* x, nint xRow, float* y, nint yRow)
    {
        F share = F.Broadcast(1f / (g.Size * g.Size));
        for (int i = 0; i < g.Output.H; i++)
            for (int j = 0; j < g.Output.W; j++)
            {
                float* window = x + i * g.Stride * xRow + j * g.Stride * F.Width;
                F result = max ? F.Broadcast(float.NegativeInfinity) : F.Zero;
                for (int r = 0; r < g.Size; r++)
                    for (int s = 0; s < g.Size; s++)
                    {
                        F value = F.Load(window + r * xRow + s * F.Width);
                        result = max ? F.Max(result, value) : result + value;
                    }
                (max ? result : result * share).Store(y + i * yRow + j * F.Width);
            }
    }

    public override void Backward(CpuDevice device, Pool2dGeometry g, float* dy, float* x, float* y, float* dx)
    {
        PlaneView input = new(g.Input, dx), output = new(g.Output, dy);
        device.For(g.Input.N, (n, _) =>
        {
            for (int block = 0; block < g.Input.Blocks; block++)
            {
                nint at = (nint)(input.First - dx) + n * input.Image + block * input.Plane;
                nint from = (nint)(output.First - dy) + n * output.Image + block * output.Plane;
                for (int i = 0; i < g.Input.H; i++)
                    new Span<float>(dx + at + i * input.Row, g.Input.W * F.Width).Clear();
                BackwardPlane(g, dy + from, x == null ? null : x + at, y == null ? null : y + from, output.Row, dx + at, input.Row);
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardPlane(Pool2dGeometry g, float* dy, float* x, float* y, nint yRow, float* dx, nint xRow)
    {
        F share = F.Broadcast(1f / (g.Size * g.Size));
        for (int i = 0; i < g.Output.H; i++)
            for (int j = 0; j < g.Output.W; j++)
            {
                nint window = i * g.Stride * xRow + j * g.Stride * F.Width, at = i * yRow + j * F.Width;
                F left = F.Load(dy + at), even = left * share;
                for (int r = 0; r < g.Size; r++)
                    for (int s = 0; s < g.Size; s++)
                    {
                        nint pixel = window + r * xRow + s * F.Width;
                        // The first maximum takes its lane's whole gradient.
                        F part = x == null ? even : F.WhereEqual(F.Load(x + pixel), F.Load(y + at), left);
                        left -= part;
                        (F.Load(dx + pixel) + part).Store(dx + pixel);
                    }
            }
    }

    public override void GlobalForward(CpuDevice device, ActivationLayout layout, float* x, float* y)
    {
        PlaneView view = new(layout, x);
        device.For(layout.N, (n, _) =>
        {
            float* mean = stackalloc float[16];
            for (int block = 0; block < layout.Blocks; block++)
            {
                F sum = F.Zero;
                for (int i = 0; i < layout.H; i++)
                    for (int j = 0; j < layout.W; j++)
                        sum += F.Load(view.First + n * view.Image + block * view.Plane + i * view.Row + j * F.Width);
                (sum * F.Broadcast(1f / (layout.H * layout.W))).Store(mean);
                for (int lane = 0; lane < Math.Min(F.Width, layout.C - block * F.Width); lane++)
                    y[(nint)n * layout.C + block * F.Width + lane] = mean[lane];
            }
        });
    }

    public override void GlobalBackward(CpuDevice device, ActivationLayout layout, float* dy, float* dx)
    {
        PlaneView view = new(layout, dx);
        device.For(layout.N, (n, _) =>
        {
            float* lanes = stackalloc float[16];
            for (int block = 0; block < layout.Blocks; block++)
            {
                for (int lane = 0; lane < F.Width; lane++)
                    lanes[lane] = block * F.Width + lane < layout.C ? dy[(nint)n * layout.C + block * F.Width + lane] : 0;
                F share = F.Load(lanes) * F.Broadcast(1f / (layout.H * layout.W));
                for (int i = 0; i < layout.H; i++)
                    for (int j = 0; j < layout.W; j++)
                        share.Store(view.First + n * view.Image + block * view.Plane + i * view.Row + j * F.Width);
            }
        });
    }
}
