using System.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Cli.Tests.Mpi;

/// <summary>Training and evaluation by processes that mpirun starts: the same bits as one process, also after a kill; one line for each
/// error.</summary>
public sealed class MpiTests : IDisposable
{
    private static readonly string[] Options =
    [
        "train", "--epochs", "2", "--limit-train", "150", "--validation", "30", "--limit-test", "40", "--attack-steps", "1", "--batch",
        "64", "--shards", "4", "--save-every", "1", "--twin", "false", "--tensorboard", "false",
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-mpi-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [MpirunFact]
    public void RanksMakeTheSameWeightsAndReportAsOneProcess()
    {
        string one = Path.Combine(folder, "one");
        Succeeds(AsclProcess.Run([.. Options, "--out", one]));
        foreach (int ranks in new[] { 2, 3 })
        {
            string many = Path.Combine(folder, $"many-{ranks}");
            ProcessResult result = Succeeds(AsclProcess.Run(Mpirun.Ranks(ranks, [.. Options, "--out", many])));
            // Rank 0 alone speaks.
            Assert.Single(result.Output.Split('\n'), line => line.Contains("run folder", StringComparison.Ordinal));
            Assert.Contains($"ascl: {ranks} processes, Open MPI", result.Error, StringComparison.Ordinal);
            Assert.DoesNotContain('\x1b', result.Output);
            AssertSameRun(one, many);
        }
    }

    [MpirunFact]
    public void ARunWhoseRankIsKilledResumesOnFewerToTheSameBits()
    {
        string one = Path.Combine(folder, "one"), killed = Path.Combine(folder, "killed");
        Succeeds(AsclProcess.Run([.. Options, "--out", one]));
        string state = Path.Combine(killed, "state.safetensors");
        // The last rank in a step, then rank 0 in a save: its temporary file is there.
        Kill(Mpirun.Ranks(3, [.. Options, "--out", killed]), () => File.Exists(state), ranks => ranks.Max());
        Kill(Mpirun.Ranks(3, "train", "--resume", killed),
            () => Directory.EnumerateFiles(killed, "state.safetensors.*.tmp").Any(), ranks => ranks.Min());
        Succeeds(AsclProcess.Run(Mpirun.Ranks(2, "train", "--resume", killed)));
        AssertSameRun(one, killed);
    }

    /// <summary>Rank 0 writes the weights of the last epoch while the others are ready to read them.</summary>
    [MpirunFact]
    public void RanksEvaluateTheWeightsOfTheOnlyEpoch()
    {
        string one = Path.Combine(folder, "one"), many = Path.Combine(folder, "many");
        string[] shorter = [.. Options.Select((option, i) => i > 0 && Options[i - 1] is "--epochs" ? "1" : option)];
        Succeeds(AsclProcess.Run([.. shorter, "--out", one]));
        Succeeds(AsclProcess.Run(Mpirun.Ranks(4, [.. shorter, "--out", many])));
        AssertSameRun(one, many);
    }

    [MpirunFact]
    public void AStoppedRankIsNamedAndAllEnd()
    {
        string run = Path.Combine(folder, "run");
        string[] longer = [.. Options.Select((option, i) => i > 0 && Options[i - 1] is "--epochs" ? "10000" : option)];
        ProcessStartInfo start = Mpirun.Ranks(3, [.. longer, "--mpi-timeout", "6", "--out", run]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        while (!process.HasExited && !File.Exists(Path.Combine(run, "state.safetensors")))
            Thread.Sleep(10);
        Assert.False(process.HasExited, $"{(process.HasExited ? error.Result : "")}");
        int[] ranks = ChildrenOf(process.Id);
        AsclProcess.Run(new ProcessStartInfo("kill", ["-STOP", $"{ranks.Max()}"]));
        process.WaitForExit();
        Assert.NotEqual(0, process.ExitCode);
        string line = Assert.Single(Mpirun.OwnLines(error.Result), line => line.Contains("error", StringComparison.Ordinal));
        Assert.Equal($"ascl: error: nothing from rank 2 ({Environment.MachineName}) for 6 s", line);
        Assert.Contains("run folder", output.Result, StringComparison.Ordinal);
        // mpirun itself ends a moment before the ranks that it has killed.
        while (ranks.Any(rank => Directory.Exists($"/proc/{rank}")))
            Thread.Sleep(10);
    }

    /// <summary>More shards than images in a batch are legal: some are empty. It is hardly what was meant.</summary>
    [MpirunFact]
    public void MoreShardsThanImagesInABatchAreWarnedOf()
    {
        string[] few = ["train", "--epochs", "1", "--limit-train", "20", "--limit-test", "10", "--validation", "4", "--attack-steps", "1",
            "--batch", "4", "--shards", "6", "--twin", "false", "--tensorboard", "false"];
        string one = Path.Combine(folder, "one"), many = Path.Combine(folder, "many");
        Succeeds(AsclProcess.Run([.. few, "--out", one]));
        ProcessResult result = Succeeds(AsclProcess.Run(Mpirun.Ranks(3, [.. few, "--out", many])));
        Assert.Single(result.Output.Split('\n'),
            line => line.StartsWith("warning: 6 shards of batches of 4 images", StringComparison.Ordinal));
        AssertSameRun(one, many);
    }

    [MpirunTheory]
    [InlineData("--seed differs from rank 0's: 7, not its default", "--seed", "7")]
    [InlineData("--shards differs from rank 0's: 2, not 4", "--shards", "2")]
    public void RanksWithOtherOptionsAreRefusedBeforeAFolderIsMade(string expected, string option, string value)
    {
        string run = Path.Combine(folder, "run");
        string[] own = [.. Options, "--out", run];
        int at = Array.IndexOf(own, option);
        string[] other = at < 0 ? [.. own, option, value] : [.. own[..(at + 1)], value, .. own[(at + 2)..]];
        ProcessResult result = AsclProcess.Run(Mpirun.Two(own, [], other));
        Assert.Equal(2, result.ExitCode);
        string line = Assert.Single(Mpirun.OwnLines(result.Error), line => line.Contains("error", StringComparison.Ordinal));
        Assert.Equal($"ascl: error: rank 1 ({Environment.MachineName}): {expected}", line);
        Assert.False(Directory.Exists(run));
    }

    [MpirunFact]
    public void ARankThatDoesNotSeeTheRunsFolderIsNamedAndTheFolderIsFreeAgain()
    {
        string elsewhere = Directory.CreateDirectory(Path.Combine(folder, "elsewhere")).FullName;
        string[] own = [.. Options, "--out", "run"];
        ProcessStartInfo start = Mpirun.Two(own, ["-wdir", elsewhere], own);
        start.WorkingDirectory = folder;
        ProcessResult result = AsclProcess.Run(start);
        Assert.Equal(2, result.ExitCode);
        string line = Assert.Single(Mpirun.OwnLines(result.Error), line => line.Contains("error", StringComparison.Ordinal));
        Assert.StartsWith($"ascl: error: rank 1 ({Environment.MachineName}): {elsewhere}/run: does not see the run's folder", line,
            StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(folder, "run")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));
    }

    [MpirunFact]
    public void EvaluationByRanksAndInPartsIsTheSameAsByOneProcess()
    {
        string run = Path.Combine(folder, "run"), one = Path.Combine(folder, "one"), many = Path.Combine(folder, "many"),
            parts = Path.Combine(folder, "parts");
        Succeeds(AsclProcess.Run([.. Options, "--out", run]));
        string[] evaluate =
        [
            "evaluate", "--weights", run, "--attack", "pgd,square", "--steps", "3", "--queries", "30", "--epsilon", "0.02",
        ];
        Succeeds(AsclProcess.Run([.. evaluate, "--out", one]));
        Succeeds(AsclProcess.Run(Mpirun.Ranks(3, [.. evaluate, "--out", many])));
        foreach (int part in new[] { 1, 2 })
            Succeeds(AsclProcess.Run([.. evaluate, "--out", parts, "--part", $"{part}/2"]));
        Succeeds(AsclProcess.Run([.. evaluate, "--out", parts]));
        byte[] expected = File.ReadAllBytes(Path.Combine(one, "adversarial.safetensors"));
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(many, "adversarial.safetensors")));
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(parts, "adversarial.safetensors")));
    }

    [HostsFact]
    public void ThreeHostsMakeTheSameWeightsAsOneProcess()
    {
        string one = Path.Combine(folder, "one"), many = Path.Combine(folder, "many");
        Succeeds(AsclProcess.Run([.. Options, "--out", one]));
        using Hosts hosts = new(3);
        ProcessResult result = Succeeds(AsclProcess.Run(hosts.Ranks([.. Options, "--out", many])));
        Assert.Contains("3 processes, Open MPI", result.Error, StringComparison.Ordinal);
        Assert.Contains("3 hosts", result.Error, StringComparison.Ordinal);
        AssertSameRun(one, many);
    }

    [MpirunTheory]
    [InlineData("ascl: error: unknown option '--epochz'", "train", "--epochz", "3")]
    [InlineData("ascl: error: cannot read nowhere", "train", "--data", "folder:nowhere")]
    [InlineData("ascl: error: /nowhere.so: the MPI library cannot be loaded", "train", "--mpi", "/nowhere.so")]
    [InlineData("ascl: error: libc.so.6: is not an MPI library", "train", "--mpi", "libc.so.6")]
    [InlineData("ascl: error: --mpi-timeout 0: must be from 1 to 86400 seconds", "train", "--mpi-timeout", "0")]
    [InlineData("ascl: error: mpirun of Open MPI started 2 processes, but ascl devices works in one: start it as one", "devices")]
    [InlineData("ascl: error: shards is 1, but there are 2 processes", "train", "--epochs", "1", "--limit-train", "20")]
    public void AnErrorIsOneLineAndEndsAllRanks(string expected, params string[] arguments)
    {
        // Of a run that would be made in a folder, the folder is this test's own.
        string[] all = arguments.Contains("--limit-train") ? [.. arguments, "--out", Path.Combine(folder, "run")] : arguments;
        ProcessResult result = AsclProcess.Run(Mpirun.Ranks(2, all));
        Assert.NotEqual(0, result.ExitCode);
        string line = Assert.Single(Mpirun.OwnLines(result.Error), line => line.StartsWith("ascl: error", StringComparison.Ordinal));
        Assert.StartsWith(expected, line, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "run")));
    }

    [MpirunFact]
    public void ALauncherOfAnotherMpiIsRecognised()
    {
        // What MPICH's mpiexec tells its processes: Open MPI's library does not see the others.
        string[] arguments = [AsclProcess.Program, .. Options, "--mpi", "libmpi.so.40", "--out", Path.Combine(folder, "x")];
        ProcessStartInfo start = new("dotnet", arguments)
        {
            Environment =
            {
                ["PMI_SIZE"] = "4", ["PMI_RANK"] = "0", ["OMPI_ALLOW_RUN_AS_ROOT"] = "1", ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
            },
        };
        ProcessResult result = AsclProcess.Run(start);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("mpiexec of MPICH started 4 processes, but Open MPI", result.Error, StringComparison.Ordinal);
        Assert.Contains("sees 1: launcher and library do not belong together", result.Error, StringComparison.Ordinal);
    }

    private static ProcessResult Succeeds(ProcessResult result)
    {
        Assert.True(result.ExitCode == 0, $"{result.Output}\n{result.Error}");
        return result;
    }

    private static void Kill(ProcessStartInfo start, Func<bool> when, Func<int[], int> which)
    {
        using Process process = Process.Start(Quiet(start))!;
        while (!process.HasExited && !when())
            Thread.Yield();
        Assert.False(process.HasExited, "training ended before a rank could be killed");
        Process.GetProcessById(which(ChildrenOf(process.Id))).Kill();
        process.WaitForExit();
        Assert.NotEqual(0, process.ExitCode);
    }

    private static ProcessStartInfo Quiet(ProcessStartInfo start)
    {
        (start.FileName, string[] arguments) = ("sh", [start.FileName, .. start.ArgumentList]);
        start.ArgumentList.Clear();
        foreach (string argument in (string[])["-c", "exec \"$@\" >/dev/null 2>&1", "sh", .. arguments])
            start.ArgumentList.Add(argument);
        return start;
    }

    private static int[] ChildrenOf(int process) => [.. File.ReadAllText($"/proc/{process}/task/{process}/children")
        .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

    private static void AssertSameRun(string one, string other)
    {
        foreach (string file in new[] { "state.safetensors", "best.safetensors", "last.safetensors" })
        {
            using SafetensorsFile a = SafetensorsFile.Open(Path.Combine(one, file)), b = SafetensorsFile.Open(Path.Combine(other, file));
            Assert.Equal(a.Names.Order(), b.Names.Order());
            foreach (string name in a.Names)
                Assert.True(a.ReadBytes(name).AsSpan().SequenceEqual(b.ReadBytes(name)), $"{file}: {name}");
        }
    }
}
