using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Reduce;
using Ascl.Kernels.Simd;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// The loss by tiles (<see cref="ContrastiveTiles"/>) of the sorted rows. Nothing is read back to the host; additional memory is O(rows ·
/// dimension). <c>state</c> has the same contents as on the CPU.
/// </summary>
internal abstract class ContrastiveCuda
{
    /// <summary>
    /// Desired number of groups: with few rows, several groups share the tiles of 64 anchors. Independent of the device, so that sums have
    /// the same bits on all.
    /// </summary>
    public int WantedGroups { get; set; } = 512;

    public abstract void Forward(
        CudaDevice device, ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions,
        DeviceBuffer<float> loss, DeviceBuffer<float> state);

    public abstract void Backward(
        CudaDevice device, ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions,
        DeviceBuffer<float> state, DeviceBuffer<float> dLoss, DeviceBuffer<float> dRows);

    /// <summary>|P_i| and |N_i| of every row; waits for the device.</summary>
    public abstract (int[] Positives, int[] Negatives) CountPairs(
        CudaDevice device, DeviceBuffer<int> labels, DeviceBuffer<int> predictions);

    public static ContrastiveCuda Of(PairSelection strategy, RowDistance distance) =>
        strategy.Choose<Maker, ContrastiveCuda>(distance);

    private readonly struct Maker : IContrastivePath<ContrastiveCuda>
    {
        public static ContrastiveCuda Of<TRule, TDistance>() where TRule : struct, IPairRule where TDistance : struct, IRowDistance =>
            new ContrastiveCuda<TRule, TDistance>();
    }

    /// <summary>Sizes, and memory from the pool's scope.</summary>
    protected readonly struct Workspace
    {
        private readonly CudaDevice device;
        private readonly ArrayView<int> counts;

        public Workspace(CudaDevice device, ContrastiveGeometry g, int groups)
        {
            this.device = device;
            Count = g.Rows;
            Blocks = (g.Rows + PairTile.Side - 1) / PairTile.Side;
            Places = Blocks * PairTile.Side;
            Stride = (g.Dimension + PairTile.Depth - 1) / PairTile.Depth * PairTile.Depth;
            int splits = Math.Clamp(groups / Blocks, 1, Blocks);
            TilesOfSplit = (Blocks + splits - 1) / splits;
            Splits = (Blocks + TilesOfSplit - 1) / TilesOfSplit;
            ArrayView<int> keys = Rent(3L * Places).Cast<int>();
            (Order, Labels, Predictions) = (keys.SubView(0, Places), keys.SubView(Places, Places), keys.SubView(2 * Places, Places));
            counts = Rent(2L * Count).Cast<int>();
            Sorted = Rent((long)Places * Stride);
        }

        public int Count { get; }
        public int Blocks { get; }
        public int Places { get; }
        public int Stride { get; }
        public int TilesOfSplit { get; }
        public int Splits { get; }
        public ArrayView<int> Order { get; }
        public ArrayView<int> Labels { get; }
        public ArrayView<int> Predictions { get; }
        public ArrayView<float> Sorted { get; }
        public ArrayView<int> Positives => counts.SubView(0, Count);
        public ArrayView<int> Negatives => counts.SubView(Count, Count);

        public ArrayView<float> Rent(long length) => CudaDevice.View(device.Pool.Rent(checked((int)length), 0));
    }
}

internal sealed class ContrastiveCuda<TRule, TDistance> : ContrastiveCuda
    where TRule : struct, IPairRule where TDistance : struct, IRowDistance
{
    public override void Forward(
        CudaDevice device, ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions,
        DeviceBuffer<float> loss, DeviceBuffer<float> state)
    {
        using IDisposable scope = device.Pool.BeginScope();
        Workspace w = new(device, g, WantedGroups);
        ArrayView<float> statistics = w.Rent(3L * w.Splits * w.Places), losses = w.Rent(g.Rows);
        Sort(device, w, labels, predictions);
        Gather(device, g, w, rows, default, default);
        device.Launch(
            ContrastiveTiles.Forward<TRule, TDistance>, (new Index3D(w.Blocks, w.Splits, 1), new Index3D(CudaDevice.GroupSize, 1, 1)),
            Tiles(g, w) with { Found = statistics });
        device.Launch(SortedRows.Loss, GpuCode.WarpRows.For(g.Rows), new SortedRows.LossArguments
        {
            Order = w.Order,
            Positives = w.Positives,
            Statistics = statistics,
            Sorted = w.Sorted,
            State = CudaDevice.View(state),
            Losses = losses,
            Count = g.Rows,
            Places = w.Places,
            Stride = w.Stride,
            Splits = w.Splits,
            Scale = TDistance.Sign / g.Temperature,
        });
        ReduceKernels.SumCuda(device, losses, 1f / g.Rows, CudaDevice.View(loss));
    }

    public override void Backward(
        CudaDevice device, ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions,
        DeviceBuffer<float> state, DeviceBuffer<float> dLoss, DeviceBuffer<float> dRows)
    {
        using IDisposable scope = device.Pool.BeginScope();
        int coordinates = 4 * ContrastiveTiles.GradientQuads, chunks = (g.Dimension + coordinates - 1) / coordinates;
        Workspace w = new(device, g, WantedGroups / chunks);
        ArrayView<float> anchors = w.Rent(3L * w.Places), partial = w.Rent((long)w.Splits * w.Places * w.Stride);
        Sort(device, w, labels, predictions);
        Gather(device, g, w, rows, CudaDevice.View(state), anchors);
        device.Launch(
            ContrastiveTiles.Backward<TRule, TDistance>, (new Index3D(w.Blocks, w.Splits, chunks), new Index3D(CudaDevice.GroupSize, 1, 1)),
            Tiles(g, w) with { Anchors = anchors, Found = partial });
        device.Launch(SortedRows.Gradient, GpuCode.WarpRows.For(g.Rows), new SortedRows.GradientArguments
        {
            Order = w.Order,
            Partial = partial,
            LossGradient = CudaDevice.View(dLoss),
            RowsGradient = CudaDevice.View(dRows),
            Count = g.Rows,
            Places = w.Places,
            Dimension = g.Dimension,
            Stride = w.Stride,
            Splits = w.Splits,
            Scale = TDistance.Sign / g.Temperature / g.Rows,
        });
    }

    public override (int[] Positives, int[] Negatives) CountPairs(
        CudaDevice device, DeviceBuffer<int> labels, DeviceBuffer<int> predictions)
    {
        if (labels.Length == 0)
            return ([], []);
        using IDisposable scope = device.Pool.BeginScope();
        Workspace w = new(device, new(labels.Length, 1, SelectionStrategy.Global, RowDistance.Dot, 1), 1);
        Sort(device, w, labels, predictions);
        (int[] positives, int[] negatives) = (new int[labels.Length], new int[labels.Length]);
        device.CopyToHost(w.Positives, positives);
        device.CopyToHost(w.Negatives, negatives);
        return (positives, negatives);
    }

    private static void Sort(CudaDevice device, Workspace w, DeviceBuffer<int> labels, DeviceBuffer<int> predictions) => device.Launch(
        SortedRows.Sort<TRule>, (CudaDevice.Groups(w.Count), CudaDevice.GroupSize), new SortedRows.SortArguments
        {
            Labels = CudaDevice.View(labels),
            Predictions = CudaDevice.View(predictions),
            Order = w.Order,
            SortedLabels = w.Labels,
            SortedPredictions = w.Predictions,
            Positives = w.Positives,
            Negatives = w.Negatives,
        });

    private static void Gather(
        CudaDevice device, ContrastiveGeometry g, Workspace w, DeviceBuffer<float> rows, ArrayView<float> state,
        ArrayView<float> anchors) => device.Launch(
        SortedRows.Gather, GpuCode.WarpRows.For(w.Places), new SortedRows.GatherArguments
        {
            Order = w.Order,
            Rows = CudaDevice.View(rows),
            State = state,
            Sorted = w.Sorted,
            Anchors = anchors,
            Count = g.Rows,
            Places = w.Places,
            Dimension = g.Dimension,
            Stride = w.Stride,
        });

    private static ContrastiveTiles.TilesArguments Tiles(ContrastiveGeometry g, Workspace w) => new()
    {
        Rows = w.Sorted,
        Labels = w.Labels,
        Predictions = w.Predictions,
        Count = g.Rows,
        Blocks = w.Blocks,
        Quads = w.Stride / 4,
        TilesOfSplit = w.TilesOfSplit,
        Largest = TenLargest<F1>.CountOf(g.Dimension),
        Scale = TDistance.Sign / g.Temperature,
    };
}
