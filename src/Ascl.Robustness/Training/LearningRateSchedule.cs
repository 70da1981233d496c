namespace Ascl.Robustness.Training;

/// <summary>The learning rate of every step: a linear warm-up, then piecewise constant by epoch, or half a cosine to 0 by step.</summary>
public sealed class LearningRateSchedule(RunConfig config, int stepsPerEpoch)
{
    /// <param name="epoch">From 0.</param>
    /// <param name="step">In the epoch, from 0.</param>
    public double At(int epoch, int step)
    {
        double done = epoch + (double)step / stepsPerEpoch;
        if (epoch < config.Warmup)
            return config.LearningRate * (epoch * (double)stepsPerEpoch + step + 1) / (config.Warmup * (double)stepsPerEpoch);
        if (config.Schedule == "piecewise")
            return config.LearningRate * Math.Pow(config.Decay, config.Milestones.Count(m => epoch >= m));
        return config.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (done - config.Warmup) / (config.Epochs - config.Warmup)));
    }
}
