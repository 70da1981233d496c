using System.Globalization;
using System.Text.RegularExpressions;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>How many epochs fit into a time.</summary>
/// <param name="Epochs">At least 1.</param>
/// <param name="SecondsPerEpoch">Expected duration of an epoch with its validation, of the run and of its natural twin together.</param>
/// <param name="EvaluationSeconds">Expected duration of the evaluations at the end.</param>
public sealed record BudgetedEpochs(int Epochs, double SecondsPerEpoch, double EvaluationSeconds)
{
    /// <summary>Expected duration of training and evaluation, in seconds.</summary>
    public double Seconds => Epochs * SecondsPerEpoch + EvaluationSeconds;
}

/// <summary>
/// Chooses the number of epochs of a run so that training and evaluation take about a given time on this machine. The first training steps
/// are timed on a classifier that is thrown away; evaluations are estimated from the number of their passes.
/// </summary>
/// <param name="Time">The time for training, validation and the evaluations at the end.</param>
public sealed partial record TimeBudget(TimeSpan Time)
{
    /// <summary>Steps that are not timed: they compile kernels and allocate memory.</summary>
    private const int WarmUpSteps = 2;

    /// <summary>Steps are timed until they have taken this long, or there are this many.</summary>
    private const double EnoughSeconds = 3;
    private const int MostSteps = 40;

    /// <summary>Reads a duration such as 90s, 30min, 2h or 1h30min.</summary>
    /// <param name="text">The duration.</param>
    /// <param name="where">Source of the text, for messages.</param>
    /// <exception cref="UserErrorException">It is none, or not above 0.</exception>
    public static TimeBudget Parse(string text, string where)
    {
        Match match = Duration().Match(text);
        double seconds = match.Success ? Part("h", 3600) + Part("m", 60) + Part("s", 1) : 0;
        return seconds > 0 && double.IsFinite(seconds) && seconds < TimeSpan.MaxValue.TotalSeconds
            ? new(TimeSpan.FromSeconds(seconds))
            : throw new UserErrorException($"{where} {text}: must be a duration, such as 90s, 30min, 2h or 1h30min");

        double Part(string group, double unit) =>
            match.Groups[group] is { Success: true } part ? unit * double.Parse(part.Value, CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>The epochs that fit.</summary>
    /// <param name="config">The run; its number of epochs is ignored.</param>
    /// <param name="data">Its data set.</param>
    /// <param name="device">The device to train on.</param>
    /// <param name="most">The largest number of epochs.</param>
    /// <param name="stop">Cancels the timing.</param>
    /// <exception cref="UserErrorException">As for <see cref="RunTraining"/>.</exception>
    public BudgetedEpochs Fit(RunConfig config, DataSet data, Device device, int most = int.MaxValue, CancellationToken stop = default)
    {
        (double epoch, double evaluation) = Measure(config, data, device, stop);
        if (NaturalTwin.IsWanted(config))
        {
            (double twinEpoch, double twinEvaluation) = Measure(NaturalTwin.Of(config, config.Run.Out ?? ""), data, device, stop);
            (epoch, evaluation) = (epoch + twinEpoch, evaluation + twinEvaluation);
        }
        double fit = Math.Floor((Time.TotalSeconds - evaluation) / epoch);
        return new((int)Math.Clamp(fit, 1, most), epoch, evaluation);
    }

    /// <summary>Seconds of an epoch and of the evaluation at the end.</summary>
    private static (double Epoch, double Evaluation) Measure(RunConfig config, DataSet data, Device device, CancellationToken stop)
    {
        TrainingData images = TrainingData.Of(data, config.Training, config.Data.Validation, config.Data.LimitTrain);
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        StepTimer timer = new(enough);
        // Epochs of a single step are enough, too, and nothing is monitored.
        RunConfig timed = config with
        {
            Training = config.Training with
            {
                Epochs = Math.Max(config.Training.Epochs, MostSteps),
                OnOverfitting = OverfittingResponse.Warn,
            },
        };
        Trainer trainer = RunTraining.NewTrainer(timed, StartingModel.Of(config, data, device), NaturalNetwork.Of(config, data, device),
            callbacks: [timer]);
        try
        {
            trainer.Fit(images, enough.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // The steps have been timed.
        }
        RunCost cost = trainer.Progress.Cost;
        double perPass = (cost.Seconds - timer.WarmUp.Seconds) / (Passes(cost) - Passes(timer.WarmUp));
        double perImage = perPass * Passes(cost) / timer.Images;
        int weights = config.Training.EmaDecay > 0 ? 2 : 1;
        double attackPasses = config.Method.TrainsLogits
            ? (images.Validation?.Count ?? 0) * AttackPasses(config.Attack.Validation.Steps) * weights
              + EpochProbe.ImageCount * AttackPasses(EpochProbe.StrongSteps)
            : 0;
        double reportPasses = config.Method.TrainsLogits
            ? config.Data.TestOf(data).Count * config.Attack.Report.Sum(attack => (double)AttackPasses(attack.Steps)) * weights
            : 0;
        return (perImage * trainer.ImagesPerEpoch * config.Training.Views + perPass * attackPasses, perPass * reportPasses);
    }

    private static double Passes(RunCost cost) => cost.ForwardPasses + cost.BackwardPasses;

    /// <summary>Passes of an attack and of the prediction before it.</summary>
    private static int AttackPasses(int steps) => 2 * steps + 1;

    [GeneratedRegex(@"^(?:(?<h>\d+(?:\.\d+)?)h)?(?:(?<m>\d+(?:\.\d+)?)min)?(?:(?<s>\d+(?:\.\d+)?)s)?$")]
    private static partial Regex Duration();

    /// <summary>Ends a training once enough steps have been timed.</summary>
    private sealed class StepTimer(CancellationTokenSource enough) : TrainingCallback
    {
        private int steps;

        /// <summary>Cost of the first steps.</summary>
        public RunCost WarmUp { get; } = new();

        /// <summary>Images in all steps, views counted.</summary>
        public long Images { get; private set; }

        public override void EndStep(Trainer trainer, TrainedStep step)
        {
            Images += step.Images;
            if (++steps == WarmUpSteps)
                WarmUp.Add(trainer.Progress.Cost);
            if (steps == MostSteps || (steps > WarmUpSteps && trainer.Progress.Cost.Seconds - WarmUp.Seconds > EnoughSeconds))
                enough.Cancel();
        }
    }
}
