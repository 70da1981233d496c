using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Runs;

/// <summary>The evaluation at the end of a run: its best weights on its test images, under the attacks of its configuration.</summary>
public static class FinalEvaluation
{
    /// <summary>Evaluates the weights and writes the run's report.json, or report-ema.json for the averaged weights.</summary>
    /// <param name="device">Device to compute on.</param>
    /// <param name="run">A run that has been trained.</param>
    /// <param name="data">Its data set.</param>
    /// <param name="ofAverage">Whether to evaluate the averaged weights instead.</param>
    /// <param name="progress">Called after each batch; null for nobody.</param>
    /// <param name="communicator">The processes that evaluate together; null for one. Collective.</param>
    /// <param name="stop">Cancels the evaluation.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">The weights cannot be read, or the report cannot be written.</exception>
    public static EvaluationReport Run(Device device, RunFolder run, DataSet data, bool ofAverage = false,
        Action<EvaluationProgress>? progress = null, Communicator? communicator = null, CancellationToken stop = default)
    {
        string weights = ofAverage ? run.Checkpoints.BestAverageFile : run.Checkpoints.BestFile;
        RunConfig config = run.Config;
        Communicator ranks = communicator ?? Communicator.Single;
        Classifier model = ranks.Together(() => ClassifierFile.Load(device, weights));
        // A network file system may still show one rank the file of an earlier epoch.
        if (ranks.Size > 1)
            ranks.RequireSame([($"{weights} (hash)", model.WeightHash())]);
        PlannedAttack[] attacks = [.. config.Attack.Report.Select(attack => new PlannedAttack(attack))];
        Evaluator evaluator = new(model, config.Data.TestOf(data), config.Training.Batch, config.Training.Seed)
        {
            Communicator = ranks,
        };
        EvaluationReport report = evaluator.Annotate(evaluator.Run(attacks, stop, progress), weights, data);
        if (evaluator.Communicator.IsMain)
            AtomicFile.WriteText(ofAverage ? run.AverageReportFile : run.ReportFile, Evaluator.ToJson(report));
        return report;
    }
}
