namespace Ascl.Distributed.Tests;

/// <summary>What launchers tell in environment variables: as Open MPI 4.1, MPICH 4.0 and Slurm 22.05 set them.</summary>
public sealed class ProcessLaunchTests
{
    [Theory]
    [InlineData("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_LOCAL_RANK=0", Launcher.OpenMpi, 3, 2)]
    [InlineData("PMI_SIZE=4 PMI_RANK=1 MPI_LOCALRANKID=1", Launcher.Hydra, 4, 1)]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7 PMIX_RANK=7", Launcher.Slurm, 8, 7)]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7 PMI_SIZE=8 PMI_RANK=7", Launcher.Slurm, 8, 7)]
    // mpirun inside a job of Slurm: the step of mpirun's own daemons is not what counts.
    [InlineData("SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0 OMPI_COMM_WORLD_SIZE=16 OMPI_COMM_WORLD_RANK=9", Launcher.OpenMpi, 16, 9)]
    public void ALaunchIsFound(string variables, Launcher launcher, int size, int rank) =>
        Assert.Equal(new ProcessLaunch(launcher, size, rank), ProcessLaunch.Detect(Reader(variables))! with { ConnectsProcesses = true });

    [Theory]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7", false)]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7 PMIX_RANK=7", true)]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=7 PMI_RANK=7", true)]
    [InlineData("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=2", true)]
    public void ProcessesOfSrunNeedAnMpiPlugin(string variables, bool connects) =>
        Assert.Equal(connects, ProcessLaunch.Detect(Reader(variables))!.ConnectsProcesses);

    [Theory]
    [InlineData("")]
    [InlineData("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0")]
    // A batch script of Slurm that starts the program without srun.
    [InlineData("SLURM_NTASKS=16 SLURM_PROCID=0")]
    [InlineData("PMI_SIZE=x PMI_RANK=0")]
    public void AProcessByItselfIsNone(string variables) => Assert.Null(ProcessLaunch.Detect(Reader(variables)));

    private static Func<string, string?> Reader(string variables)
    {
        Dictionary<string, string> all = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        return all.GetValueOrDefault;
    }
}
