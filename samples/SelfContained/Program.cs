// A training program to hand on: published as one file, it runs where there is no .NET. Usage: train-robust [FOLDER] [EPOCHS]
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Reporting.TensorBoard;
using Ascl.Robustness.Training;

try
{
    string folder = args.ElementAtOrDefault(0) ?? "run";
    int epochs = args.Length > 1 ? int.Parse(args[1]) : 5;
    using Device device = ComputeDevice.Open("auto");
    DataSet data = DataSource.Open("sample");
    Classifier model = Classifiers.For(device, data, "resnet: 1 block a stage, widths 8,16", projectionSize: 32);
    AsclObjective objective = new();
    TrainingAttackSettings attack = new() { Epsilon = 0.1, Steps = 3 };
    Trainer trainer = new(model, objective, new() { Epochs = epochs })
    {
        Attack = objective.AttackOf(attack),
        Callbacks =
        {
            new Validation(attack.Validation),
            new Monitoring(),
            new Checkpoints(folder),
            new TensorBoardLog(Path.Combine(folder, "tensorboard")),
        },
    };
    using CancellationTokenSource stop = new();
    Console.CancelKeyPress += (_, pressed) => (pressed.Cancel, _) = (true, stop.CancelAsync());
    trainer.Fit(TrainingData.Of(data, trainer.Settings, limit: 1000), stop.Token);
    EvaluationReport report = new RobustnessEvaluation(model, data, new() { Attacks = ["pgd"], Limit = 200 }).Run().Report;
    Console.WriteLine(
        $"{device.Name}: clean {report.CleanAccuracy:P1}, {report.Attacks[0].Name} {report.WorstCaseAccuracy:P1} on {report.Images}");
    return 0;
}
catch (UserErrorException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
