using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Distributed;
using Ascl.Distributed.Mpi;
using Ascl.Kernels.Devices;

namespace Ascl.Cli.Arguments;

/// <summary>The processes that mpirun, mpiexec or srun has started together, or this one alone. Rank 0 talks to the user; the others only
/// report errors of their own.</summary>
internal sealed class ProcessGroup
{
    /// <summary>The value of --mpi for a process that works alone.</summary>
    public const string Off = "off";

    /// <summary>Seconds to wait for another rank, if --mpi-timeout is not given.</summary>
    public const int DefaultTimeout = 600;

    /// <summary>How long a rank that failed lets rank 0 tell the error first, since most errors are every rank's: launchers end all
    /// processes when the first one ends with an error.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private const int LongestTimeout = 24 * 60 * 60;

    /// <summary>Options that may differ from rank to rank. What --config names is compared option by option.</summary>
    private static readonly string[] OfEachRank = ["device", "cuda-graphs", "threads", "mpi", "mpi-timeout", "config"];

    private readonly IReadOnlyList<int> cores;
    private readonly int sharing;

    /// <summary>Collective.</summary>
    private ProcessGroup(Communicator communicator)
    {
        Communicator = communicator;
        // Ranks on a host that may use the same cores divide them.
        IReadOnlyList<int> available = communicator.Size == 1 ? [] : CpuCores.Available();
        string own = $"{Environment.MachineName} {string.Join(',', available)}";
        string[] all = communicator.Gather(own);
        sharing = all.Count(other => other == own);
        cores = [.. available.Take(ShardTree.Part(available.Count, all.Take(communicator.Rank).Count(other => other == own), sharing))];
    }

    /// <summary>How they exchange messages.</summary>
    public Communicator Communicator { get; }

    /// <summary>Runs a verb on every rank. An error on one rank ends all.</summary>
    /// <param name="arguments">The verb's options, which must be the same on all ranks.</param>
    /// <param name="mpi">The MPI library: empty to look for it, "off" to work alone.</param>
    /// <param name="timeout">Seconds to wait for another rank.</param>
    /// <param name="verb">Returns the exit code.</param>
    /// <exception cref="UserErrorException">The timeout is out of range.</exception>
    public static int Run(VerbArguments arguments, string mpi, int timeout, Func<ProcessGroup, int> verb)
    {
        if (timeout is < 1 or > LongestTimeout)
            throw new UserErrorException($"--mpi-timeout {timeout}: must be from 1 to {LongestTimeout} seconds");
        if (mpi == Off || ProcessLaunch.Detect() is not { } launch)
            return verb(new(Communicator.Single));
        TextWriter errors = Console.Error;
        if (launch.Rank > 0)
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
        }
        Communicator? communicator = null;
        try
        {
            communicator = MpiCommunicator.Start(launch, mpi.Length == 0 ? null : mpi);
            communicator.Timeout = TimeSpan.FromSeconds(timeout);
            int hosts = communicator.ShareHosts();
            Message.Print($"{communicator.Description}, {(hosts == 1 ? "one host" : $"{hosts} hosts")}");
            communicator.RequireSame(arguments.Facts(OfEachRank));
            int exitCode = verb(new(communicator));
            communicator.Dispose();
            return exitCode;
        }
        catch (Exception e)
        {
            var (message, exitCode) = Program.Failure(e);
            // All ranks have the same error and end alike.
            bool isCollective = communicator is not null && e is (CollectiveErrorException or CollectiveStopException);
            if (launch.Rank > 0 && !isCollective)
            {
                Thread.Sleep(Grace);
                errors.WriteLine($"ascl: {communicator?.Name(launch.Rank) ?? $"rank {launch.Rank}"}: {Message.OneLine(message)}");
            }
            else if (launch.Rank == 0)
                Message.Print(message);
            if (isCollective)
                communicator!.Dispose();
            else
                communicator?.Abort(exitCode);
            return exitCode;
        }
    }

    /// <summary>Opens this rank's device: its share of the host's cores, or of its GPUs.</summary>
    /// <param name="threads">Threads of each rank; 0 for all cores that fall to it.</param>
    /// <param name="open">Opens a device by name, number of threads and cores.</param>
    /// <exception cref="UserErrorException">The launcher has bound the rank to one core of many, or there is no such device.</exception>
    public Device OpenDevice(string name, int threads, Func<string, int, IReadOnlyList<int>?, Device> open)
    {
        if (Communicator.Size == 1)
            return open(name, threads, null);
        int local = Communicator.Local.Size, machine = CpuCores.OfMachine();
        if (threads == 0 && cores.Count == 1 && sharing == 1 && machine > local)
            throw new UserErrorException($"bound to 1 of {machine} cores, with {local} rank{(local == 1 ? "" : "s")} on this host: "
                + "start with mpirun --bind-to none (srun: --cpus-per-task), or give --threads 1 if that is meant");
        if (threads == 0)
            threads = Math.Max(1, cores.Count > 0 ? Math.Min(cores.Count, Environment.ProcessorCount) : Environment.ProcessorCount / local);
        bool isGpu = name.StartsWith("cuda", StringComparison.Ordinal);
        return open(name == "cuda" ? $"cuda:{Communicator.Local.Rank % Math.Max(1, GpuCount())}" : name, threads,
            isGpu || cores.Count < threads ? null : cores);
    }

    private static int GpuCount() => Kernels.Cuda.CudaDevice.Available().Count;
}
