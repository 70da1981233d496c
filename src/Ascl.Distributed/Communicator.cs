using System.Buffers.Binary;
using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Distributed;

/// <summary>Bytes that go to or come from another rank.</summary>
/// <param name="Rank">The other rank.</param>
/// <param name="Tag">Matches a receive with its send; several transfers between two ranks differ by it.</param>
/// <param name="Address">Memory that does not move until the exchange has ended.</param>
/// <param name="Bytes">Length.</param>
public readonly record struct Transfer(int Rank, int Tag, nint Address, long Bytes);

/// <summary>
/// Processes (ranks) that compute together and exchange messages. All ranks must call the collective methods in the same order. Rank 0, the
/// main rank, writes files and talks to the user.
/// </summary>
public abstract unsafe class Communicator : IDisposable
{
    private const int LengthTag = 1, PayloadTag = 2;
    private string[]? hosts;

    /// <summary>One process on its own.</summary>
    public static Communicator Single { get; } = new SingleProcess();

    /// <summary>This process's number, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>Number of processes.</summary>
    public abstract int Size { get; }

    /// <summary>Whether this is rank 0.</summary>
    public bool IsMain => Rank == 0;

    /// <summary>This process's number among the ranks on its host, from 0, and their number. Known after <see cref="ShareHosts"/>; before,
    /// all ranks count as on one host.</summary>
    public (int Rank, int Size) Local => hosts is null
        ? (Rank, Size)
        : (hosts.Take(Rank).Count(host => host == hosts[Rank]), hosts.Count(host => host == hosts[Rank]));

    /// <summary>One line for users: the kind of communicator and its version.</summary>
    public abstract string Description { get; }

    /// <summary>How long to wait for another rank before giving up on it.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Runs all transfers to their end. Each send must be met by a receive of the same length and tag on the other rank.</summary>
    /// <exception cref="UserErrorException">A rank did not answer within <see cref="Timeout"/>, or the connection to it broke.</exception>
    public abstract void Exchange(IReadOnlyList<Transfer> receives, IReadOnlyList<Transfer> sends);

    /// <summary>Ends all processes at once.</summary>
    public abstract void Abort(int exitCode);

    /// <summary>Gives every rank what each rank passes in. Collective.</summary>
    /// <returns>One array per rank; lengths may differ.</returns>
    public byte[][] Gather(ReadOnlySpan<byte> own)
    {
        byte[][] all = new byte[Size][];
        all[Rank] = own.ToArray();
        if (Size == 1)
            return all;
        byte[][] lengths = [.. Enumerable.Range(0, Size).Select(_ => Pinned(sizeof(long)))];
        BinaryPrimitives.WriteInt64LittleEndian(lengths[Rank], own.Length);
        ExchangeAll(lengths, LengthTag);
        byte[][] payloads = [.. lengths.Select(length => Pinned(checked((int)BinaryPrimitives.ReadInt64LittleEndian(length))))];
        own.CopyTo(payloads[Rank]);
        ExchangeAll(payloads, PayloadTag);
        return payloads;
    }

    /// <summary>Gives every rank the text that each rank passes in. Collective.</summary>
    public string[] Gather(string own) => [.. Gather(Encoding.UTF8.GetBytes(own)).Select(Encoding.UTF8.GetString)];

    /// <summary>Whether the condition holds on any rank. Collective.</summary>
    public bool Any(bool own) => Size == 1 ? own : Gather([own ? (byte)1 : (byte)0]).Any(other => other[0] == 1);

    /// <summary>Gives every rank the bytes of rank 0. Collective.</summary>
    /// <param name="own">Only looked at on rank 0.</param>
    public byte[] Broadcast(ReadOnlySpan<byte> own) => Gather(IsMain ? own : [])[0];

    /// <summary>
    /// Runs work that may fail on one rank and not on another, such as opening files. If it fails on any, every rank throws the error of
    /// the lowest rank that failed. Collective.
    /// </summary>
    /// <exception cref="CollectiveErrorException">The work failed on a rank.</exception>
    public T Together<T>(Func<T> work)
    {
        if (Size == 1)
            return work();
        T? result = default;
        UserErrorException? own = null;
        try
        {
            result = work();
        }
        catch (UserErrorException e)
        {
            own = e;
        }
        string[] errors = Gather(own?.Message ?? "");
        int failed = Array.FindIndex(errors, error => error.Length > 0);
        return failed < 0
            ? result!
            : throw new CollectiveErrorException(failed == 0 ? errors[0] : $"{Name(failed)}: {errors[failed]}", own);
    }

    /// <summary>Checks that all ranks have the same values. Collective.</summary>
    /// <param name="facts">What must agree, by name; all ranks give the same names in the same order.</param>
    /// <exception cref="CollectiveErrorException">A value differs from rank 0's.</exception>
    public void RequireSame(IReadOnlyList<(string Name, string Value)> facts)
    {
        if (Size == 1)
            return;
        string[][] all = [.. Gather(string.Join('\0', facts.Select(fact => fact.Value))).Select(text => text.Split('\0'))];
        for (int rank = 1; rank < Size; rank++)
            for (int i = 0; i < facts.Count; i++)
                if (all[rank][i] != all[0][i])
                    throw new CollectiveErrorException($"{Name(rank)}: {facts[i].Name} differs from rank 0's: {all[rank][i]}, not "
                        + all[0][i]);
    }

    /// <summary>A rank as messages name it, with its host. The hosts are known after <see cref="ShareHosts"/>.</summary>
    public string Name(int rank) => hosts is null ? $"rank {rank}" : $"rank {rank} ({hosts[rank]})";

    /// <summary>Tells every rank the host names of the others, for messages. Collective.</summary>
    /// <returns>The number of different hosts.</returns>
    public int ShareHosts()
    {
        hosts = Gather(Environment.MachineName);
        return hosts.Distinct().Count();
    }

    /// <summary>The error for ranks that have not answered.</summary>
    protected UserErrorException NothingFrom(IEnumerable<int> ranks) =>
        new($"nothing from {string.Join(", ", ranks.Distinct().Order().Select(Name))} for {Timeout.TotalSeconds:0} s");

    /// <summary>Leaves the group of processes.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    private void ExchangeAll(byte[][] arrays, int tag)
    {
        Exchange([.. Others().Select(rank => Of(rank, arrays[rank]))], [.. Others().Select(rank => Of(rank, arrays[Rank]))]);

        Transfer Of(int rank, byte[] bytes) => new(rank, tag, PinnedAddress(bytes), bytes.Length);
    }

    /// <summary>The other ranks, each rank beginning with its successor so that not all write to the same one.</summary>
    internal IEnumerable<int> Others() => Enumerable.Range(1, Size - 1).Select(step => (Rank + step) % Size);

    private static byte[] Pinned(int length) => GC.AllocateUninitializedArray<byte>(length, pinned: true);

    /// <summary>Of an array that was allocated pinned.</summary>
    internal static nint PinnedAddress<T>(T[] pinned) where T : unmanaged =>
        pinned.Length == 0 ? 0 : (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[0]);

    private sealed class SingleProcess : Communicator
    {
        public override int Rank => 0;

        public override int Size => 1;

        public override string Description => "one process";

        public override void Exchange(IReadOnlyList<Transfer> receives, IReadOnlyList<Transfer> sends)
        {
            if (receives.Count + sends.Count > 0)
                throw new InvalidOperationException("one process has nobody to exchange messages with");
        }

        public override void Abort(int exitCode) => Environment.Exit(exitCode);
    }
}

/// <summary>An error that every rank throws alike: rank 0 tells the user, the others end silently.</summary>
public sealed class CollectiveErrorException(string message, Exception? cause = null) : UserErrorException(message, cause);

/// <summary>All ranks stop together, between two steps, because one of them was asked to.</summary>
public sealed class CollectiveStopException(CancellationToken stop) : OperationCanceledException(stop);
