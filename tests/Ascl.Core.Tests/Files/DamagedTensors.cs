using System.IO.Compression;

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
            switch (random.Next(9))
            {
                case 0 or 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2 or 3:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 4:
                    bytes.RemoveRange(at, length);
                    break;
                case 5:
                    bytes.InsertRange(random.Next(reach), bytes.GetRange(at, length));
                    break;
                case 6:
                    byte[] noise = new byte[length];
                    random.NextBytes(noise);
                    bytes.InsertRange(at, noise);
                    break;
                case 7:
                    // The numbers that lengths and counts go wrong by.
                    byte[] number = BitConverter.GetBytes(random.Next(6) switch
                    { 0 => -1L, 1 => int.MaxValue, 2 => uint.MaxValue, 3 => long.MaxValue, 4 => 0, _ => 1L << random.Next(63) });
                    for (int i = 0; i < Math.Min(1 << random.Next(4), bytes.Count - at); i++)
                        bytes[at + i] = number[i];
                    break;
                default:
                    if (random.Next(4) == 0)
                        bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }
        return [.. bytes];
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
