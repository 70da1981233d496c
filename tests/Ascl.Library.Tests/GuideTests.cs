using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>What the guide about parts of one's own shows is compiled, works and resumes.</summary>
public sealed partial class GuideTests : IDisposable
{
    private static readonly DataSet Data = OwnData.Make();
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-guide-").FullName;

    [Fact]
    public void TheGuideShowsCodeThatIsCompiled()
    {
        string tests = Folder(), code = Lines(File.ReadAllText(Path.Combine(tests, "GuideParts.cs")));
        string guide = File.ReadAllText(Path.Combine(tests, "..", "..", "docs", "guides", "own-parts.md"));
        string[] blocks = [.. Block().Matches(guide).Select(match => Lines(match.Groups[1].Value))];
        Assert.Equal(4, blocks.Length);
        Assert.All(blocks, block => Assert.Contains(block, code, StringComparison.Ordinal));
    }

    [Fact]
    public void TheAttackStaysInTheBallAndWorks()
    {
        using CpuDevice device = new(2);
        Trainer trainer = Trainer(device, epochs: 3);
        trainer.Fit(Data);
        MomentumAttack attack = new(0.25);
        EvaluationReport report = new Evaluator(trainer.Model, Data.Test, 24, 1)
            .Run([new(attack), new(new MomentumAttack(0.25) { Mu = 0 })], CancellationToken.None);
        Assert.All(report.Attacks, one => Assert.Equal(0, one.Rejected));
        Assert.True(report.CleanAccuracy > 0.9, $"{report.CleanAccuracy}");
        Assert.True(report.WorstCaseAccuracy < report.CleanAccuracy, $"{report.WorstCaseAccuracy}");
    }

    /// <summary>Adam's steps and the callback's count survive a resume: to the same bits, and to an end in the same epoch.</summary>
    [Fact]
    public void EverythingResumes()
    {
        using CpuDevice device = new(2);
        Trainer straight = Trainer(device, 4);
        straight.Fit(Data);
        string path = Path.Combine(folder, "run");
        using CancellationTokenSource stop = new();
        Trainer first = Trainer(device, 4, new StopAfter(5, stop), new Checkpoints(path));
        Assert.Throws<OperationCanceledException>(() => first.Fit(Data, stop.Token));
        Trainer second = Trainer(device, 4, new StopAfter(-1, stop), new Checkpoints(path));
        second.Fit(Data);
        Assert.Equal(Weights(straight), Weights(second));

        // Nothing improves without validation: the best accuracy stays 0.
        string ended = Path.Combine(folder, "ended");
        foreach (int run in new[] { 1, 2 })
        {
            Trainer early = Trainer(device, 10, new EarlyStopping(3), new Checkpoints(ended));
            early.Fit(Data);
            Assert.Equal(3, early.Progress.Epoch);
            Assert.Equal(3, early.History.Count);
        }
    }

    [Fact]
    public void TheScheduleFalls()
    {
        ExponentialSchedule schedule = new() { LearningRate = 0.1, Gamma = 0.5 };
        Assert.Equal([0.1, 0.05, 0.025], new[] { 0, 1, 2 }.Select(epoch => schedule.At(epoch, 3, 10, 5)));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static Trainer Trainer(Device device, int epochs, params TrainingCallback[] callbacks)
    {
        Classifier model = Classifiers.For(device, Data, "own", (p, s) => new OwnNetwork(p, s));
        return new(model, new NaturalObjective(), new() { Epochs = epochs, Batch = 16 })
        {
            Optimizer = new Adam(model),
            Schedule = new ExponentialSchedule { LearningRate = 0.05 },
            Callbacks = callbacks,
        };
    }

    private static float[] Weights(Trainer trainer) => [.. trainer.Model.Parameters.All.SelectMany(p => p.Tensor.ToArray())];

    private static string Lines(string text) => text.ReplaceLineEndings("\n").Trim();

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
