using System.Globalization;
using Ascl.Core.Diagnostics;

namespace Ascl.Distributed;

/// <summary>What started the processes of a group.</summary>
public enum Launcher
{
    /// <summary>mpirun or prterun of Open MPI.</summary>
    OpenMpi,

    /// <summary>mpiexec of MPICH or of a library with its ABI (Hydra).</summary>
    Hydra,

    /// <summary>srun of Slurm.</summary>
    Slurm,
}

/// <summary>What a launcher tells a process by environment variables, before any MPI library is loaded.</summary>
/// <param name="Launcher">What started the process.</param>
/// <param name="Size">Number of processes that were started together.</param>
/// <param name="Rank">This process's number among them.</param>
public sealed record ProcessLaunch(Launcher Launcher, int Size, int Rank)
{
    /// <summary>Whether the launcher helps the processes to find each other. srun does so with an MPI plugin only; without one, MPI
    /// libraries end the process, so this has to be known before.</summary>
    public bool ConnectsProcesses { get; init; } = true;

    private static readonly (Launcher Launcher, string Size, string Rank)[] Known =
    [
        (Launcher.OpenMpi, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
        (Launcher.Slurm, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
        (Launcher.Hydra, "PMI_SIZE", "PMI_RANK"),
    ];

    /// <summary>The launcher's program, as users call it.</summary>
    public string Program => Launcher switch
    {
        Launcher.OpenMpi => "mpirun of Open MPI",
        Launcher.Hydra => "mpiexec of MPICH",
        _ => "srun",
    };

    /// <summary>The launch of this process; null for a process that was started by itself.</summary>
    /// <param name="variable">Reads environment variables; null for those of this process.</param>
    public static ProcessLaunch? Detect(Func<string, string?>? variable = null)
    {
        variable ??= ProcessEnvironment.Variable;
        foreach (var (launcher, size, rank) in Known)
            if (Number(size) is { } processes and > 1 && Number(rank) is { } own)
                return new(launcher, processes, own)
                {
                    ConnectsProcesses = launcher != Launcher.Slurm || Number("PMIX_RANK") is not null || Number("PMI_RANK") is not null,
                };
        return null;

        int? Number(string name) =>
            int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }
}
