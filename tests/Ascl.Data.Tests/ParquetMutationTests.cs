using Ascl.Testing;
using Xunit.Abstractions;

namespace Ascl.Data.Tests;

/// <summary>Damaged Parquet files (<see cref="MutationRun"/>).</summary>
public sealed class ParquetMutationTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Names =
        ["pages.parquet", "repeated.parquet", "stored.parquet", "animals/data/train-00000-of-00002.parquet"];

    private static readonly byte[] Edges = [0, 1, 0x7F, 0x80, 0xFE, 0xFF];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Pages of a file of 4 KB may unpack to 64 MB.</summary>
    [Fact]
    public void DamagedFilesAreRefusedOrRead()
    {
        byte[][] files = [.. Names.Select(name => File.ReadAllBytes(ParquetTests.Fixture(name)))];
        new MutationRun(output, cases: 600, mostManaged: 256L << 20, readAtLeast: 20).Run(
            (i, random) => folder.Write("case.parquet", Changed(files[i % files.Length], random)),
            path => DataSource.Open($"parquet:{path}", new() { AllowEmptyClasses = true }, folder["cache"]));
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
}
