using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Xunit.Abstractions;

namespace Ascl.Core.Tests.Files;

/// <summary>
/// Damaged PyTorch checkpoints and NumPy arrays are refused in one line, or work: no other error, no crash, no memory beyond what the file
/// can hold, no file written. ASCL_MUTATIONS=20000 sets the number of cases, ASCL_MUTATION_SEED=3 begins with others,
/// ASCL_MUTATION_CASE=17 runs that one case only. Where a case ends the process, its file is left in a folder ascl-test-… of the temporary
/// folder.
/// </summary>
public sealed class TensorMutationTests(ITestOutputHelper output) : IDisposable
{
    private const long MostManaged = 1L << 30;
    private const int Cases = 800, MostFaults = 25;

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void DamagedFilesAreRefusedOrWork()
    {
        int seed = Setting("ASCL_MUTATION_SEED", 1), count = Setting("ASCL_MUTATIONS", Cases), only = Setting("ASCL_MUTATION_CASE", -1);
        (string Name, byte[] Bytes)[] files = [.. Files()];
        List<string> faults = [];
        Dictionary<string, int> messages = [];
        int loaded = 0;
        for (int i = Math.Max(0, only); i < (only < 0 ? count : only + 1) && faults.Count < MostFaults; i++)
        {
            var (name, bytes) = files[i % files.Length];
            System.Random random = new(unchecked(seed * 1_000_003 + i * 7919));
            bool isZip = bytes.AsSpan().StartsWith("PK"u8);
            string file = directory.File($"seed {seed} case {i} of {name}");
            File.WriteAllBytes(file, isZip && random.Next(3) > 0
                ? DamagedTensors.ChangedInside(bytes, random) : DamagedTensors.Changed(bytes, random));
            long before = GC.GetAllocatedBytesForCurrentThread();
            string? fault = null;
            try
            {
                using TensorFile read = TensorFile.Open(file);
                foreach (string tensor in read.Names)
                {
                    if (read.Dtype(tensor) is not null)
                        read.ReadBytes(tensor);
                }
                loaded++;
            }
            catch (UserErrorException e)
            {
                fault = e.Message.Contains('\n', StringComparison.Ordinal) ? $"a message of several lines: {e.Message}" : null;
                string kind = new([.. e.Message.Replace(file, "", StringComparison.Ordinal).Where(c => !char.IsAsciiDigit(c))]);
                messages[kind] = messages.GetValueOrDefault(kind) + 1;
            }
            catch (Exception e)
            {
                fault = $"{e.GetType().Name}: {e.Message} "
                    + string.Join(" < ", (e.StackTrace ?? "").Split('\n').Take(6).Select(line => line.Trim()));
            }
            long managed = GC.GetAllocatedBytesForCurrentThread() - before;
            if (managed > MostManaged)
                fault ??= $"{managed >> 20} MB";
            if (fault is not null)
                faults.Add($"seed {seed}, case {i} of {name}: {fault}");
            File.Delete(file);
            if (directory.FileNames.Length > 0)
                faults.Add($"seed {seed}, case {i} of {name}: a file was written");
        }
        output.WriteLine($"{loaded} work");
        foreach (var (kind, times) in messages.OrderByDescending(message => message.Value))
            output.WriteLine($"{times,6}{kind}");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.True(only >= 0 || loaded > count / 10, $"only {loaded} of {count} cases work, so most paths are not tried");
    }

    private static IEnumerable<(string, byte[])> Files() =>
        from file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "fixtures", "torch")).Order(StringComparer.Ordinal)
        where Path.GetFileName(file) is var name && !name.StartsWith("refuse_", StringComparison.Ordinal)
        select (Path.GetFileName(file), File.ReadAllBytes(file));

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
