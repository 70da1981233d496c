using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Robustness.Tests.Evaluation;

/// <summary>An evaluation by several processes, or in parts, has the numbers and the adversarial images of one process.</summary>
public sealed class EvaluationBlocksTests : IDisposable
{
    /// <summary>Attacks with and without gradients, one of them with restarts.</summary>
    private static readonly EvaluationSettings Settings = new()
    {
        Attacks = ["pgd", "apgd-ce", "square"],
        Norm = PerturbationNorm.Linf,
        Epsilon = 0.015,
        Steps = 5,
        Restarts = 2,
        Queries = 20,
        Batch = 5,
        MinimalEpsilon = true,
    };

    private static readonly DataSet Data = MakeData();

    private readonly string root = Directory.CreateTempSubdirectory("ascl-blocks-").FullName;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(16)]
    public void AnyNumberOfRanksHasTheSameResults(int ranks)
    {
        string expected = Evaluated("one", 1), found = Evaluated("many", ranks);
        Assert.Equal(expected, found);
        AssertSameImages("one", "many");
    }

    [Fact]
    public void PartsAreMerged()
    {
        string expected = Evaluated("one", 1);
        foreach (int part in new[] { 2, 0, 1 })
            Evaluation(Communicator.Single).RunPart(part, 3, Folder("parts"));
        long before = WorkCount.BackwardImages;
        string merged = Told(Evaluation(Communicator.Single).Run(Folder("parts")).Report);
        // Nothing is attacked again; gradients are only taken to see whether they vanish.
        Assert.InRange(WorkCount.BackwardImages - before, 0, Data.Test.Count);
        Assert.Equal(expected, merged);
        AssertSameImages("one", "parts");
    }

    [Fact]
    public void AMissingPartIsRunByTheMerge()
    {
        string expected = Evaluated("one", 1);
        Evaluation(Communicator.Single).RunPart(1, 3, Folder("parts"));
        Assert.Equal(expected, Evaluated("parts", 2));
        AssertSameImages("one", "parts");
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 2)]
    public void AStoppedEvaluationResumesOnAnotherNumberOfRanks(int before, int after)
    {
        string expected = Evaluated("one", 1);
        using CancellationTokenSource stop = new();
        StopsAfter observer = new(4, stop);
        Assert.Throws<AggregateException>(() => ThreadCommunicator.Run(before, communicator =>
            Evaluation(communicator).Run(Folder("stopped"), observer, stop.Token)));
        Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(Folder("stopped"), "chunks")));
        Assert.Equal(expected, Evaluated("stopped", after));
        AssertSameImages("one", "stopped");
    }

    [Fact]
    public void RanksOfOtherWeightsAreRefused()
    {
        AggregateException refused = Assert.Throws<AggregateException>(() => ThreadCommunicator.Run(2, communicator =>
            Evaluation(communicator, seed: communicator.Rank == 0 ? 4ul : 5ul).Run(Folder("mixed"))));
        Assert.StartsWith("rank 1: evaluation differs from rank 0's",
            Assert.IsAssignableFrom<UserErrorException>(refused.InnerExceptions[0]).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private string Folder(string name) => Path.Combine(root, name);

    private string Evaluated(string folder, int ranks)
    {
        EvaluationReport? report = null;
        ThreadCommunicator.Run(ranks, communicator =>
        {
            EvaluationResult result = Evaluation(communicator).Run(Folder(folder));
            if (communicator.IsMain)
                report = result.Report;
        });
        return Told(report!);
    }

    /// <summary>Everything that a report says but the time.</summary>
    private static string Told(EvaluationReport report)
    {
        Assert.InRange(report.CleanAccuracy, 0.5, 0.99);
        Assert.InRange(report.WorstCaseAccuracy, 0.05, report.CleanAccuracy - 0.05);
        return string.Join('\n', report.Attacks.Select(a => $"{a.Name} {a.Attacked} {a.Misclassified} {a.Rejected} {a.Accuracy}")
            .Append($"{report.CleanAccuracy} {report.WorstCaseAccuracy} {string.Join(' ', report.MinimalEpsilon!.Sizes)}")
            .Concat((report.Classes ?? []).Select(c => $"{c}")).Concat(report.Caveats ?? []));
    }

    private void AssertSameImages(string one, string other)
    {
        foreach (string file in new[] { "adversarial.safetensors", "sizes.safetensors" })
        {
            using SafetensorsFile a = SafetensorsFile.Open(Path.Combine(Folder(one), file)),
                b = SafetensorsFile.Open(Path.Combine(Folder(other), file));
            Assert.Equal(a.Names.Order(), b.Names.Order());
            foreach (string name in a.Names)
                Assert.Equal(a.ReadBytes(name), b.ReadBytes(name));
        }
    }

    private static RobustnessEvaluation Evaluation(Communicator communicator, ulong seed = 4) =>
        new(LinearNetwork.Classifier(new CpuDevice(threads: 1), seed: seed), Data, Settings) { Communicator = communicator };

    /// <summary>24 images that the network classifies correctly, but for every seventh.</summary>
    private static DataSet MakeData()
    {
        using CpuDevice device = new(threads: 1);
        ImageBatch batch = Made.RightBatch(LinearNetwork.Classifier(device), Enumerable.Range(0, 24));
        int[] labels = [.. batch.Labels.ToArray().Select((label, i) => i % 7 == 3 ? (label + 1) % Made.Classes : label)];
        ImageSet images = new("made", ["a", "b", "c", "d", "e"], Made.Channels, Made.Size, Made.Size, labels, batch.Images.ToArray());
        return new("made", images, images, Augmentation.None);
    }

    private sealed class StopsAfter(int batches, CancellationTokenSource stop) : IEvaluationObserver
    {
        private int seen;

        public void Progress(EvaluationProgress progress)
        {
            if (Interlocked.Increment(ref seen) == batches)
                stop.Cancel();
        }

        public void Finding(HonestyFinding finding, int images)
        {
        }

        public void Note(string line)
        {
        }
    }
}
