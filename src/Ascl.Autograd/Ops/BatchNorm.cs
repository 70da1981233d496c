using Ascl.Core.Diagnostics;
using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Ops;

/// <summary>Which statistics BatchNorm normalises with.</summary>
public enum BatchNormMode
{
    /// <summary>Those of the batch, which also update the running statistics.</summary>
    Train,

    /// <summary>The running statistics.</summary>
    Evaluate,
}

/// <summary>
/// The parameters and running statistics of a BatchNorm layer, all [C]. <see cref="RunningMean"/> and <see cref="RunningVariance"/> are
/// updated in place.
/// </summary>
/// <param name="Gamma">Scale.</param>
/// <param name="Beta">Shift.</param>
/// <param name="RunningMean">Running mean.</param>
/// <param name="RunningVariance">Running variance, unbiased.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Momentum">The weight of each batch in the running statistics.</param>
public sealed record BatchNormState(
    Tensor Gamma, Tensor Beta, Tensor RunningMean, Tensor RunningVariance, float Epsilon = 1e-5f, float Momentum = 0.1f);

/// <summary>The op of <see cref="BatchNormOps.BatchNorm"/>. Its inputs are x, gamma, beta, and the residual if there is one.</summary>
public sealed record BatchNormOp(
    BatchNormState State, BatchNormMode Mode) : Op(Mode == BatchNormMode.Train ? "batch_norm.train" : "batch_norm.evaluate");

/// <summary>Batch normalisation.</summary>
public static class BatchNormOps
{
    /// <summary>relu?(gamma·(x − mean)/√(variance + ε) + beta + residual), per channel (Ioffe &amp; Szegedy 2015).</summary>
    /// <param name="x">An activation [N, C, H, W].</param>
    /// <param name="state">Parameters and running statistics.</param>
    /// <param name="mode">Which statistics to use.</param>
    /// <param name="residual">An activation of x's shape, or null.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <exception cref="ShapeException">The shapes do not match, or x is not an activation.</exception>
    public static Tensor BatchNorm(this Tensor x, BatchNormState state, BatchNormMode mode, Tensor? residual = null, bool relu = false)
    {
        ActivationLayout layout = x.ActivationLayout;
        string shapes = $"x {x.Shape}, gamma {state.Gamma.Shape}";
        if (x.Layout != TensorLayout.Activation)
            throw new ShapeException($"batch_norm: image planes must pass a convolution first; {shapes}");
        if (state.Gamma.Shape.Length != layout.C)
            throw new ShapeException($"batch_norm: input has {layout.C} channels, the layer {state.Gamma.Shape.Length}; {shapes}");
        if (residual is not null && (residual.Shape != x.Shape || residual.Layout != x.Layout))
            throw new ShapeException($"batch_norm: residual {residual.Shape} does not fit; {shapes}");

        int channels = layout.Blocks * layout.Block;
        bool train = mode == BatchNormMode.Train;
        IBatchGroup? group = train ? x.Device.BatchGroup : null;
        double count = 0;
        DeviceBuffer<float> mean = state.RunningMean.Data, inverseStd = Tensor.Empty(x.Device, new(channels)).Data;
        if (train)
        {
            mean = Tensor.Empty(x.Device, new(channels)).Data;
            if (group is not null)
                count = BatchNormSynchronization.Statistics(group, layout, x, state, mean, inverseStd);
            else
                BatchNormKernels.TrainStatistics(layout, x.Data, new(state.RunningMean.Data, state.RunningVariance.Data, state.Momentum),
                    state.Epsilon, mean, inverseStd, x.Sums);
        }
        else
        {
            BatchNormKernels.InverseStd(layout.C, state.RunningVariance.Data, state.Epsilon, inverseStd);
        }
        Tensor y = Tensor.EmptyLike(x);
        BatchNormKernels.Forward(layout, x.Data, mean, inverseStd, state.Gamma.Data, state.Beta.Data, residual?.Data, relu, y.Data);

        y.Rectified = relu;
        JointVjp<Gradients> backward = new((dy, masked) =>
        {
            Tensor dx = Tensor.EmptyLike(x), dgamma = Tensor.EmptyLike(state.Gamma), dbeta = Tensor.EmptyLike(state.Beta);
            bool gated = relu && !masked;
            // The residual's gradient is dy masked by the ReLU.
            Tensor? dz = residual is { RequiresGrad: true } && gated ? Tensor.EmptyLike(x) : null;
            BatchNormKernels.Backward(layout, dy.Data, gated ? y.Data : null, x.Data, mean, inverseStd, state.Gamma.Data,
                train && group is null, dx.Data, dgamma.Data, dbeta.Data, dz?.Data);
            if (group is not null)
                dx = BatchNormSynchronization.Backward(group, layout, x, state, mean, inverseStd, count, dx, dgamma, dbeta);
            return new(dx, dgamma, dbeta, dz ?? dy);
        });
        Edge[] edges = [To(x, g => g.Input), To(state.Gamma, g => g.Gamma), To(state.Beta, g => g.Beta)];
        return y.Record(new BatchNormOp(state, mode), residual is null ? edges : [.. edges, To(residual, g => g.Residual)]);

        Edge To(Tensor input, Func<Gradients, Tensor> gradient) =>
            new(input, (dy, fusion) => gradient(backward.Of(dy, fusion)), Fuses: false);
    }

    private sealed record Gradients(Tensor Input, Tensor Gamma, Tensor Beta, Tensor Residual);
}
