using Ascl.Core.Files;
using Ascl.Testing;
using Xunit.Abstractions;

namespace Ascl.Core.Tests.Files;

/// <summary>Damaged PyTorch checkpoints and NumPy arrays (<see cref="MutationRun"/>). Where a case ends the process, its file is left in a
/// folder ascl-test-… of the temporary folder.</summary>
public sealed class TensorMutationTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void DamagedFilesAreRefusedOrWork()
    {
        (string Name, byte[] Bytes)[] files = [.. Files()];
        new MutationRun(output, cases: 800, mostManaged: 1L << 30, readAtLeast: 10).Run(Write, Read, Remove);

        string Write(int i, System.Random random)
        {
            var (name, bytes) = files[i % files.Length];
            string path = directory.File($"case {i} of {name}");
            File.WriteAllBytes(path, bytes.AsSpan().StartsWith("PK"u8) && random.Next(3) > 0
                ? DamagedTensors.ChangedInside(bytes, random)
                : DamagedTensors.Changed(bytes, random));
            return path;
        }
    }

    private static void Read(string path)
    {
        using TensorFile file = TensorFile.Open(path);
        foreach (string tensor in file.Names)
        {
            if (file.Dtype(tensor) is not null)
                file.ReadBytes(tensor);
        }
    }

    private string? Remove(string path)
    {
        File.Delete(path);
        return directory.FileNames.Length > 0 ? "a file was written" : null;
    }

    private static IEnumerable<(string, byte[])> Files() =>
        from file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "fixtures", "torch")).Order(StringComparer.Ordinal)
        where Path.GetFileName(file) is var name && !name.StartsWith("refuse_", StringComparison.Ordinal)
        select (Path.GetFileName(file), File.ReadAllBytes(file));
}
