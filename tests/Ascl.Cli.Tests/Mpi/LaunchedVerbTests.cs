using System.Diagnostics;
using Ascl.Cli.Verbs;

namespace Ascl.Cli.Tests.Mpi;

/// <summary>Verbs whose processes do not work together, in processes of a launcher: its environment is enough for that.</summary>
public sealed class LaunchedVerbTests
{
    /// <summary>Verbs with options that are read without an error.</summary>
    private static readonly string[] Commands =
    [
        "sweep nowhere.json", "sweep nowhere.json --list --part 1/2", "compare nowhere elsewhere", "report nowhere",
        "evaluate --weights nowhere --replay nowhere.safetensors", "study nowhere", "export --weights nowhere --onnx nowhere.onnx",
        "convert nowhere.pt elsewhere.pt",
        "data show sample", "devices", "verify nowhere", "gradcheck", "profile",
    ];

    public static TheoryData<string> Refused => [.. Commands];

    [Theory]
    [MemberData(nameof(Refused))]
    public void VerbsThatWorkInOneProcessAreRefusedByRank0(string command)
    {
        ProcessResult result = AsclProcess.Run(Launched("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=0", command));
        Assert.Equal(2, result.ExitCode);
        string verb = Verb.Find(command.Split(' ')).Verb.Name;
        Assert.StartsWith($"error: mpirun of Open MPI started 3 processes, but ascl {verb} works in one: ", result.ErrorLine,
            StringComparison.Ordinal);
    }

    [Fact]
    public void EveryVerbIsRefusedOrWorksTogether()
    {
        string[] together = ["train", "evaluate", "bench"];
        IEnumerable<string> refused = Commands.Select(command => Verb.Find(command.Split(' ')).Verb.Name);
        Assert.Equal(Verb.All.Select(verb => verb.Name).Except(together).Order(), refused.Except(together).Distinct().Order());
        foreach (string command in new[] { "train", "bench", "evaluate --weights nowhere", "evaluate --weights nowhere --part 1/2" })
        {
            (Verb verb, string[] arguments) = Verb.Find(command.Split(' '));
            Assert.Null(verb.Read(arguments).InsteadOfProcesses);
        }
    }

    [Theory]
    [InlineData("devices", 2)]
    [InlineData("--help", 0)]
    [InlineData("--version", 0)]
    [InlineData("help train", 0)]
    [InlineData("trian", 2)]
    public void TheOtherRanksAreSilent(string command, int exitCode)
    {
        ProcessResult result = AsclProcess.Run(Launched("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=2", command));
        Assert.Equal((exitCode, "", ""), (result.ExitCode, result.Output, result.Error));
    }

    [Theory]
    // mpirun -n 1, srun -n 1, a batch script of a job of 16 tasks.
    [InlineData("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", "devices", 0)]
    [InlineData("SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 SLURM_NTASKS=1", "devices", 0)]
    [InlineData("SLURM_NTASKS=16 SLURM_PROCID=0 SLURM_ARRAY_TASK_ID=3", "devices", 0)]
    // Processes that each take a part by their number.
    [InlineData("SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=1", "sweep nowhere.json --part 2/2", 2)]
    public void OneProcessOrOneOfPartsIsNotRefused(string variables, string command, int exitCode)
    {
        ProcessResult result = AsclProcess.Run(Launched(variables, command));
        Assert.Equal(exitCode, result.ExitCode);
        Assert.DoesNotContain("works in one", result.Error, StringComparison.Ordinal);
    }

    private static ProcessStartInfo Launched(string variables, string command)
    {
        ProcessStartInfo start = new("dotnet", [AsclProcess.Program, .. command.Split(' ')]);
        foreach (string[] pair in variables.Split(' ').Select(variable => variable.Split('=')))
            start.Environment[pair[0]] = pair[1];
        return start;
    }
}
