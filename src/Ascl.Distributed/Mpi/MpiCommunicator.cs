using System.Diagnostics;
using Ascl.Core.Diagnostics;

namespace Ascl.Distributed.Mpi;

/// <summary>The processes that mpirun, mpiexec or srun has started together.</summary>
public sealed unsafe class MpiCommunicator : Communicator
{
    /// <summary>Longest message; MPI counts in 32 bits.</summary>
    private const int MostBytes = 1 << 30;

    /// <summary>Polls before the core is offered to others, and seconds without a finished message before the thread sleeps between
    /// polls: a rank that waits for another one's attack is not to take its core.</summary>
    private const int Spins = 2000;
    private const double SecondsBeforeSleep = 0.1;

    private readonly MpiLibrary library;

    private MpiCommunicator(MpiLibrary library)
    {
        this.library = library;
        (Rank, Size) = (library.WorldNumber("MPI_Comm_rank"), library.WorldNumber("MPI_Comm_size"));
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Size { get; }

    /// <inheritdoc/>
    public override string Description => $"{Size} processes, {library.Version}";

    /// <summary>Starts MPI in this process. Once per process.</summary>
    /// <param name="launch">What started the processes.</param>
    /// <param name="libraryFile">The MPI library; null to look for the launcher's.</param>
    /// <exception cref="UserErrorException">There is no MPI library, or it is not the launcher's.</exception>
    public static MpiCommunicator Start(ProcessLaunch launch, string? libraryFile = null)
    {
        if (!launch.ConnectsProcesses)
            throw new UserErrorException($"{launch.Program} started {launch.Size} processes without an MPI plugin, so they cannot find "
                + "each other: start with srun --mpi=pmix (Open MPI) or --mpi=pmi2 (MPICH)");
        MpiLibrary library = MpiLibrary.Load(launch, libraryFile);
        library.Initialize();
        MpiCommunicator communicator = new(library);
        DebugSettings.Say($"{library.Path}: {communicator.Description}");
        if (communicator.Size == launch.Size)
            return communicator;
        communicator.Dispose();
        string remedy = launch.Launcher == Launcher.Slurm
            ? "start with srun --mpi=pmix or --mpi=pmi2, or name the MPI library that Slurm was built for with mpi"
            : "name the launcher's own library with mpi";
        throw new UserErrorException($"{launch.Program} started {launch.Size} processes, but {library.Version} ({library.Path}) sees "
            + $"{communicator.Size}: launcher and library do not belong together; {remedy}");
    }

    /// <inheritdoc/>
    public override void Exchange(IReadOnlyList<Transfer> receives, IReadOnlyList<Transfer> sends)
    {
        List<(nint Request, int Rank, bool IsReceive)> open = [];
        foreach (Transfer receive in receives)
            foreach (var (start, bytes) in Pieces(receive))
                open.Add((library.Receive((void*)start, bytes, receive.Rank, receive.Tag), receive.Rank, true));
        foreach (Transfer send in sends)
            foreach (var (start, bytes) in Pieces(send))
                open.Add((library.Send((void*)start, bytes, send.Rank, send.Tag), send.Rank, false));
        Wait(open);
    }

    /// <inheritdoc/>
    public override void Abort(int exitCode) => library.Abort(exitCode);

    /// <summary>Ends MPI in this process, after all ranks have come here.</summary>
    public override void Dispose()
    {
        library.Finish();
        base.Dispose();
    }

    private static IEnumerable<(nint Start, int Bytes)> Pieces(Transfer transfer)
    {
        for (long done = 0; done < transfer.Bytes || done == 0; done += MostBytes)
            yield return (transfer.Address + (nint)done, (int)Math.Min(MostBytes, transfer.Bytes - done));
    }

    private void Wait(List<(nint Request, int Rank, bool IsReceive)> open)
    {
        long lastMessage = Stopwatch.GetTimestamp();
        for (int idle = 0; open.Count > 0; idle++)
        {
            int before = open.Count;
            for (int i = open.Count - 1; i >= 0; i--)
            {
                var (request, rank, isReceive) = open[i];
                if (library.Test(ref request, rank))
                    open.RemoveAt(i);
                else
                    open[i] = (request, rank, isReceive);
            }
            if (open.Count < before)
            {
                (idle, lastMessage) = (0, Stopwatch.GetTimestamp());
                continue;
            }
            if (idle < Spins)
                continue;
            TimeSpan waited = Stopwatch.GetElapsedTime(lastMessage);
            if (waited > Timeout)
                throw NothingFrom(open.Select(message => message.Rank));
            Thread.Sleep(waited.TotalSeconds < SecondsBeforeSleep ? 0 : 1);
        }
    }
}
