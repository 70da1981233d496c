using System.Diagnostics;
using System.Globalization;
using Ascl.Core.Diagnostics;
using Xunit.Abstractions;

namespace Ascl.Data.Tests;

/// <summary>
/// Damaged Parquet files are refused in one line, or read: no other error, no memory beyond what their bytes can hold. ASCL_MUTATIONS=20000
/// sets the number of cases, ASCL_MUTATION_SEED=3 begins with others, ASCL_MUTATION_CASE=17 runs that one case only.
/// </summary>
public sealed class ParquetMutationTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Memory that reading a case may take in all: pages of a file of 4 KB may unpack to 64 MB.</summary>
    private const long MostBytes = 256L << 20;

    private const int Cases = 600, MostFaults = 25;

    private static readonly string[] Names =
        ["pages.parquet", "repeated.parquet", "stored.parquet", "animals/data/train-00000-of-00002.parquet"];

    private static readonly byte[] Edges = [0, 1, 0x7F, 0x80, 0xFE, 0xFF];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void DamagedFilesAreRefusedOrRead()
    {
        int seed = Setting("ASCL_MUTATION_SEED", 1), count = Setting("ASCL_MUTATIONS", Cases), only = Setting("ASCL_MUTATION_CASE", -1);
        byte[][] files = [.. Names.Select(name => File.ReadAllBytes(ParquetTests.Fixture(name)))];
        List<string> faults = [];
        Dictionary<string, int> messages = [];
        int read = 0;
        (double Seconds, int Case) slowest = (0, 0);
        long most = 0;
        for (int i = Math.Max(0, only); i < (only < 0 ? count : only + 1) && faults.Count < MostFaults; i++)
        {
            Random random = new(unchecked(seed * 1_000_003 + i * 7919));
            string path = folder.Write("case.parquet", Changed(files[i % files.Length], random));
            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch watch = Stopwatch.StartNew();
            string? fault = null;
            try
            {
                DataSource.Open($"parquet:{path}", new() { AllowEmptyClasses = true }, folder["cache"]);
                read++;
            }
            catch (UserErrorException e)
            {
                fault = e.Message.Contains('\n') || !e.Message.Contains(path) ? $"not one line with the file's name: {e.Message}" : null;
                string kind = new([.. e.Message.Replace(path, "").Where(c => !char.IsAsciiDigit(c) && c != '-')]);
                kind = kind[..Math.Min(kind.Length, 90)];
                messages[kind] = messages.GetValueOrDefault(kind) + 1;
            }
            catch (Exception e)
            {
                string where = string.Join(" < ", (e.StackTrace ?? "").Split('\n').Take(6).Select(line => line.Trim()));
                fault = $"{e.GetType().Name}: {e.Message} {where}";
            }
            slowest = watch.Elapsed.TotalSeconds > slowest.Seconds ? (watch.Elapsed.TotalSeconds, i) : slowest;
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            most = Math.Max(most, bytes);
            if (bytes > MostBytes)
                fault ??= $"{bytes >> 20} MB";
            if (fault is not null)
                faults.Add($"seed {seed}, case {i}: {fault}");
        }
        output.WriteLine($"{read} are read, {most >> 10} KB at most, slowest case {slowest.Case}: {slowest.Seconds:f1} s");
        foreach (var (kind, times) in messages.OrderByDescending(message => message.Value).Take(60))
            output.WriteLine($"{times,6}{kind}");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.True(only >= 0 || read > count / 20, $"only {read} of {count} cases are read, so most paths are not tried");
    }

    /// <summary>A file with one to three changes, half of them in the last third, where the footer is.</summary>
    private static byte[] Changed(byte[] file, Random random)
    {
        List<byte> changed = [.. file];
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            int at = random.Next(2) == 0 ? random.Next(changed.Count) : changed.Count - 1 - random.Next(1 + changed.Count / 3);
            int length = Math.Min(1 + random.Next(8), changed.Count - at);
            switch (random.Next(7))
            {
                case 0 or 1:
                    changed[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 3:
                    changed[at] = Edges[random.Next(Edges.Length)];
                    break;
                case 4:
                    for (int i = 0; i < length; i++)
                        changed[at + i] = 0xFF;
                    break;
                case 5:
                    changed.RemoveRange(at, Math.Min(length, changed.Count - 1));
                    break;
                default:
                    changed.InsertRange(random.Next(changed.Count), changed.GetRange(at, length));
                    break;
            }
        }
        return [.. changed];
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
