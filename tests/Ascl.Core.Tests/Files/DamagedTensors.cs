using System.IO.Compression;
using Ascl.Testing;

namespace Ascl.Core.Tests.Files;

/// <summary>Damages files of tensors: bytes anywhere, or those of one file inside a zip archive, which is packed again.</summary>
internal static class DamagedTensors
{
    /// <summary>A copy with one to four changes. Bytes near the beginning and the end, where the structure is, change more often.</summary>
    public static byte[] Changed(byte[] original, System.Random random)
    {
        List<byte> bytes = [.. original];
        for (int changes = random.Next(1, 5); changes > 0 && bytes.Count > 0; changes--)
        {
            int reach = Math.Min(bytes.Count, 1 << random.Next(4, 20));
            int at = random.Next(2) == 0 ? random.Next(reach) : bytes.Count - 1 - random.Next(reach);
            int length = Math.Min(random.Next(1, 1 << random.Next(1, 9)), bytes.Count - at);
            int kind = random.Next(ByteMutation.Kinds + 1);
            if (kind == ByteMutation.Kinds - 1)
                PutNumber(bytes, at, random);
            else
                ByteMutation.Apply(bytes, Math.Min(kind, ByteMutation.Kinds - 1), at, length, random, () => random.Next(reach));
        }
        return [.. bytes];
    }

    /// <summary>Writes one of the numbers that lengths and counts go wrong by.</summary>
    private static void PutNumber(List<byte> bytes, int at, System.Random random)
    {
        byte[] number = BitConverter.GetBytes(random.Next(6) switch
        {
            0 => -1L,
            1 => int.MaxValue,
            2 => uint.MaxValue,
            3 => long.MaxValue,
            4 => 0,
            _ => 1L << random.Next(63),
        });
        for (int i = 0; i < Math.Min(1 << random.Next(4), bytes.Count - at); i++)
            bytes[at + i] = number[i];
    }

    /// <summary>A copy of a zip archive in which one file is changed: the pickle of a checkpoint more often than the others.</summary>
    public static byte[] ChangedInside(byte[] original, System.Random random)
    {
        using ZipArchive archive = new(new MemoryStream(original));
        ZipArchiveEntry? pickle = archive.Entries.FirstOrDefault(entry => entry.Name == "data.pkl");
        ZipArchiveEntry changed = pickle is not null && random.Next(5) > 0 ? pickle : archive.Entries[random.Next(archive.Entries.Count)];
        MemoryStream target = new();
        using (ZipArchive written = new(target, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                using MemoryStream bytes = new();
                using (Stream content = entry.Open())
                    content.CopyTo(bytes);
                using Stream copy = written.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open();
                copy.Write(entry == changed ? Changed(bytes.ToArray(), random) : bytes.ToArray());
            }
        }
        return target.ToArray();
    }
}
