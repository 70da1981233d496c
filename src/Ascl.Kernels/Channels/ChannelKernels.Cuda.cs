using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Channels;

public static unsafe partial class ChannelKernels
{
    /// <summary>One launch for each run of channels that are equally far apart in the source and in the result.</summary>
    internal static class Cuda
    {
        public static void Gather(
            CudaDevice device, IReadOnlyList<ActivationPart> parts, ChannelMap map, ActivationLayout output, DeviceBuffer<float> y)
        {
            foreach (ChannelRun run in ChannelRun.Of(map, output.Block))
            {
                ActivationPart? source = run.Part < 0 ? null : parts[run.Part];
                device.Launch(Copy, (new Index3D(output.N, output.H, 1), new Index3D(CudaDevice.GroupSize, 1, 1)), new CopyArguments
                {
                    X = CudaDevice.View(source?.Data),
                    Y = CudaDevice.View(y),
                    From = source is { } part ? PixelGrid.Of(part.Layout) : default,
                    To = PixelGrid.Of(output),
                    Values = output.W * run.Count,
                    ByCount = new(run.Count),
                    FirstSource = run.FirstSource,
                    SourceStep = run.SourceStep,
                    FirstTarget = run.FirstTarget,
                    TargetStep = run.TargetStep,
                    Adds = run.Adds ? 1 : 0,
                });
            }
        }

        internal struct CopyArguments
        {
            public ArrayView<float> X, Y;
            public PixelGrid From, To;
            public int Values, FirstSource, SourceStep, FirstTarget, TargetStep, Adds;
            public InvariantDivision ByCount;
        }

        /// <summary>A group owns a row of one image; neighbouring threads own neighbouring channels of the run, then pixels.</summary>
        internal static void Copy(CopyArguments p)
        {
            for (int i = Group.IdxX; i < p.Values; i += Group.DimX)
            {
                int x = p.ByCount.Quotient(i), c = i - x * p.ByCount.Divisor;
                int to = 4 * p.To.At(Grid.IdxX, Grid.IdxY, x) + p.FirstTarget + c * p.TargetStep;
                float value = 0;
                if (p.X.Length != 0)
                    value = p.X[4 * p.From.At(Grid.IdxX, Grid.IdxY, x) + p.FirstSource + c * p.SourceStep];
                p.Y[to] = p.Adds != 0 ? p.Y[to] + value : value;
            }
        }
    }
}
