using Ascl.Autograd;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Optimizer;
using Ascl.Kernels.Reduce;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>Settings of <see cref="SgdOptimizer"/>.</summary>
public sealed record SgdSettings
{
    /// <summary>Momentum.</summary>
    [Setting("momentum", "SGD momentum.", Min = 0, Below = 1)]
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight decay, added to every parameter's gradient.</summary>
    [Setting("weight-decay", "Weight decay, applied to all parameters.", Min = 0)]
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Maximum global gradient norm; 0 for no clipping.</summary>
    [Setting("clip-norm", "Maximum global gradient norm; 0: no clipping.", Min = 0)]
    public double ClipNorm { get; init; }
}

/// <summary>SGD with momentum and weight decay, as in PyTorch.</summary>
public sealed class SgdOptimizer : IOptimizer
{
    private readonly DeviceBuffer<float>[] momenta;

    /// <summary>An optimiser with zero momentum buffers.</summary>
    /// <param name="targets">The parameters to update (<see cref="Optimizers.Targets"/>).</param>
    /// <param name="settings">Checked here; null for the defaults.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">A setting is out of range.</exception>
    public SgdOptimizer(IReadOnlyList<NamedTensor> targets, SgdSettings? settings = null)
    {
        (Targets, Settings) = (targets, (settings ?? new()).Checked());
        momenta = [.. targets.Select(t => t.Tensor.Device.Allocate<float>(t.Tensor.Shape.Length))];
        State = [.. targets.Zip(momenta, (target, momentum) => ($"momentum.{target.Name}", target.Tensor.Shape, momentum))];
    }

    /// <summary>The settings.</summary>
    public SgdSettings Settings { get; }

    object? IOptimizer.Settings => Settings;

    /// <inheritdoc/>
    public IReadOnlyList<NamedTensor> Targets { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, Shape Shape, DeviceBuffer<float> Values)> State { get; }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Tensor> gradients, double learningRate)
    {
        if (Settings.ClipNorm > 0)
            Clip(gradients);
        for (int i = 0; i < momenta.Length; i++)
            SgdKernels.Step(Targets[i].Tensor.Data, momenta[i], gradients[i].Data, (float)learningRate, (float)Settings.Momentum,
                (float)Settings.WeightDecay);
    }

    /// <summary>gradients·min(1, ClipNorm/(‖gradients‖ + 1e-6)), the norm over all of them, as PyTorch's clip_grad_norm_.</summary>
    private void Clip(ReadOnlySpan<Tensor> gradients)
    {
        double squares = 0;
        foreach (Tensor gradient in gradients)
            squares += ReduceKernels.SquaredNorm(gradient.Data);
        double scale = Settings.ClipNorm / (Math.Sqrt(squares) + 1e-6);
        if (scale >= 1)
            return;
        foreach (Tensor gradient in gradients)
            ElementwiseKernels.Scale(gradient.Data, (float)scale, gradient.Data);
    }
}
