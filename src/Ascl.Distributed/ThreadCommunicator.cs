using Ascl.Core.Diagnostics;

namespace Ascl.Distributed;

/// <summary>Ranks that are threads of one process: for tests, and for programs that try a distributed run without MPI.</summary>
public sealed unsafe class ThreadCommunicator : Communicator
{
    private readonly Mailbox mailbox;

    private ThreadCommunicator(int rank, int size, Mailbox mailbox) => (Rank, Size, this.mailbox) = (rank, size, mailbox);

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Size { get; }

    /// <inheritdoc/>
    public override string Description => $"{Size} threads";

    /// <summary>Runs the body on each rank and waits for all of them.</summary>
    /// <param name="ranks">Number of ranks.</param>
    /// <param name="body">Runs on each rank's thread.</param>
    /// <param name="timeout">How long a rank waits for another; null for the default.</param>
    /// <exception cref="AggregateException">Ranks that failed; those that only waited for them are left out.</exception>
    public static void Run(int ranks, Action<Communicator> body, TimeSpan? timeout = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        Mailbox mailbox = new();
        List<Exception> failures = [];
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(rank => new Thread(() => RunRank(rank)) { Name = $"rank {rank}" })];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        if (failures.Count > 0)
            throw new AggregateException(failures);

        void RunRank(int rank)
        {
            using ThreadCommunicator communicator = new(rank, ranks, mailbox);
            communicator.Timeout = timeout ?? communicator.Timeout;
            try
            {
                body(communicator);
            }
            catch (OperationCanceledException) when (mailbox.IsClosed)
            {
            }
            catch (Exception e) when (e is CollectiveStopException or CollectiveErrorException)
            {
                // The other ranks end by themselves, and may still need what this one has sent.
                lock (failures)
                    failures.Add(e);
            }
            catch (Exception e)
            {
                lock (failures)
                    failures.Add(e);
                mailbox.Close();
            }
        }
    }

    /// <inheritdoc/>
    public override void Exchange(IReadOnlyList<Transfer> receives, IReadOnlyList<Transfer> sends)
    {
        foreach (Transfer send in sends)
            mailbox.Put((Rank, send.Rank, send.Tag), new ReadOnlySpan<byte>((void*)send.Address, checked((int)send.Bytes)).ToArray());
        foreach (Transfer receive in receives)
        {
            byte[] bytes = mailbox.Take((receive.Rank, Rank, receive.Tag), Timeout) ?? throw NothingFrom([receive.Rank]);
            if (bytes.Length != receive.Bytes)
                throw new InvalidOperationException($"{Name(receive.Rank)} sent {bytes.Length} bytes, not {receive.Bytes}");
            bytes.CopyTo(new Span<byte>((void*)receive.Address, bytes.Length));
        }
    }

    /// <inheritdoc/>
    public override void Abort(int exitCode)
    {
        mailbox.Close();
        throw new UserErrorException($"rank {Rank} ended all ranks with exit code {exitCode}");
    }

    private sealed class Mailbox
    {
        private readonly Dictionary<(int From, int To, int Tag), Queue<byte[]>> messages = [];

        public bool IsClosed { get; private set; }

        public void Put((int, int, int) key, byte[] bytes)
        {
            lock (messages)
            {
                if (!messages.TryGetValue(key, out Queue<byte[]>? queue))
                    messages[key] = queue = new();
                queue.Enqueue(bytes);
                Monitor.PulseAll(messages);
            }
        }

        /// <summary>The next message; null if none comes in time.</summary>
        public byte[]? Take((int, int, int) key, TimeSpan timeout)
        {
            DateTime end = DateTime.UtcNow + timeout;
            lock (messages)
            {
                while (true)
                {
                    if (messages.TryGetValue(key, out Queue<byte[]>? queue) && queue.TryDequeue(out byte[]? bytes))
                        return bytes;
                    if (IsClosed)
                        throw new OperationCanceledException("another rank has failed");
                    TimeSpan left = end - DateTime.UtcNow;
                    if (left <= TimeSpan.Zero || !Monitor.Wait(messages, left))
                        return null;
                }
            }
        }

        public void Close()
        {
            lock (messages)
            {
                IsClosed = true;
                Monitor.PulseAll(messages);
            }
        }
    }
}
