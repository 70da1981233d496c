using System.Diagnostics;
using System.Globalization;
using Ascl.Core.Diagnostics;
using Xunit;
using Xunit.Abstractions;

namespace Ascl.Testing;

/// <summary>
/// Damaged files are refused in one line, or read: no other error, no memory beyond a bound. ASCL_MUTATIONS=20000 sets the number of cases,
/// ASCL_MUTATION_SEED=3 begins with others, ASCL_MUTATION_CASE=17 runs that one case only.
/// </summary>
/// <param name="output">Receives the messages, with how often each came, and the slowest case.</param>
/// <param name="cases">Number of cases without ASCL_MUTATIONS.</param>
/// <param name="mostManaged">Managed memory that the thread of a case may take in all.</param>
/// <param name="readAtLeast">One of so many cases is to be read, so that most paths are tried.</param>
public sealed class MutationRun(ITestOutputHelper output, int cases, long mostManaged, int readAtLeast)
{
    private const int MostFaults = 25, MostMessage = 160, FramesNamed = 6;

    /// <summary>Runs all cases.</summary>
    /// <param name="write">Writes the file of a case, given its number and random numbers, and returns its path.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="check">Called with the path afterwards: what else is wrong, or null.</param>
    public void Run(Func<int, Random, string> write, Action<string> read, Func<string, string?>? check = null)
    {
        int seed = Setting("ASCL_MUTATION_SEED", 1), count = Setting("ASCL_MUTATIONS", cases), only = Setting("ASCL_MUTATION_CASE", -1);
        List<string> faults = [];
        Dictionary<string, int> messages = [];
        int good = 0;
        long most = 0;
        (double Seconds, string File) slowest = (0, "");
        for (int i = Math.Max(0, only); i < (only < 0 ? count : only + 1) && faults.Count < MostFaults; i++)
        {
            string path = write(i, new Random(unchecked(seed * 1_000_003 + i * 7919)));
            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch watch = Stopwatch.StartNew();
            string? fault = null;
            try
            {
                read(path);
                good++;
            }
            catch (UserErrorException e)
            {
                fault = e.Message.Contains('\n', StringComparison.Ordinal) || !e.Message.Contains(path, StringComparison.Ordinal)
                    ? $"not one line with the file's name: {e.Message}"
                    : null;
                string kind = Kind(e.Message.Replace(path, "", StringComparison.Ordinal));
                messages[kind] = messages.GetValueOrDefault(kind) + 1;
            }
            catch (Exception e)
            {
                string where = string.Join(" < ", (e.StackTrace ?? "").Split('\n').Take(FramesNamed).Select(line => line.Trim()));
                fault = $"{e.GetType().Name}: {e.Message} {where}";
            }
            slowest = watch.Elapsed.TotalSeconds > slowest.Seconds ? (watch.Elapsed.TotalSeconds, path) : slowest;
            long managed = GC.GetAllocatedBytesForCurrentThread() - before;
            most = Math.Max(most, managed);
            if (managed > mostManaged)
                fault ??= $"{managed >> 20} MB";
            fault = check?.Invoke(path) is { } other ? fault ?? other : fault;
            if (fault is not null)
                faults.Add($"seed {seed}, case {i}, {Path.GetFileName(path)}: {fault}");
        }
        output.WriteLine($"{good} are read, {most >> 10} KB at most, slowest case {slowest.File}: {slowest.Seconds:f1} s");
        foreach (var (kind, times) in messages.OrderByDescending(message => message.Value))
            output.WriteLine($"{times,6}{kind}");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.True(only >= 0 || good > count / readAtLeast, $"only {good} of {count} cases are read, so most paths are not tried");
    }

    /// <summary>A message without its names and numbers.</summary>
    private static string Kind(string message)
    {
        string plain = new([.. message.Where(c => !char.IsAsciiDigit(c) && c is not ('-' or ',' or '?'))]);
        string kind = string.Join('…', plain.Split('\'').Where((_, i) => i % 2 == 0));
        return kind[..Math.Min(kind.Length, MostMessage)];
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
