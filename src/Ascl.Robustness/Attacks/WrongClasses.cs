using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>In which order targeted attacks try the wrong classes of an image.</summary>
public enum TargetOrder
{
    /// <summary>By descending logit.</summary>
    Logit,

    /// <summary>By ascending distance of the linearised boundary, among the 100 of largest logit: (o_y − o_c)/‖∇(o_y − o_c)‖, in the dual
    /// norm, which is L1 for L∞ (MALT, Melamed et al. 2024, "MALT powers up adversarial attacks").</summary>
    Boundary,
}

/// <summary>Ranks the wrong classes of images.</summary>
internal static class WrongClasses
{
    private const int Considered = 100;

    /// <summary>The wrong classes of each image in an order; ties in the order of logits, then of classes.</summary>
    public static int[][] By(TargetOrder order, PerturbationNorm norm, Classifier model, ImageBatch batch) =>
        order == TargetOrder.Logit ? ByLogit(model, batch) : ByBoundary(norm, model, batch);

    /// <summary>The wrong classes of each image by descending logit; ties in class order.</summary>
    public static int[][] ByLogit(Classifier model, ImageBatch batch)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        return ByLogit(model.Forward(batch.Images, ForwardMode.Inference).Logits, batch);
    }

    private static int[][] ByLogit(Tensor logits, ImageBatch batch)
    {
        int[] labels = batch.Labels.ToArray();
        return [.. logits.ToArray().Chunk(logits.Shape[1])
            .Select((row, i) => Enumerable.Range(0, row.Length).Where(c => c != labels[i]).OrderByDescending(c => row[c]).ToArray())];
    }

    private static int[][] ByBoundary(PerturbationNorm norm, Classifier model, ImageBatch batch)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        LinearBoundaries boundaries = new(model, batch, batch.Images);
        int[][] likely = [.. ByLogit(boundaries.Logits, batch).Select(classes => classes.Take(Considered).ToArray())];
        float[][] distances = [.. Enumerable.Range(0, likely[0].Length).Select(Distances)];
        return [.. likely.Select((classes, i) =>
            Enumerable.Range(0, classes.Length).OrderBy(rank => distances[rank][i]).Select(rank => classes[rank]).ToArray())];

        // Of each image, to the boundary with its wrong class of this rank.
        float[] Distances(int rank)
        {
            using IDisposable passScope = model.Device.Pool.BeginScope();
            var (margins, gradients) = boundaries.Towards([.. likely.Select(classes => classes[rank])]);
            DeviceBuffer<float> distances = model.Device.Upload<float>([.. Enumerable.Repeat(float.NaN, batch.Count)]);
            BoundaryKernels.KeepNearest(norm, gradients.Shape.Length / batch.Count, margins.Data, gradients.Data, distances,
                model.Device.Allocate<float>(batch.Count), model.Device.Allocate<float>(gradients.Shape.Length));
            return distances.ToArray();
        }
    }
}
