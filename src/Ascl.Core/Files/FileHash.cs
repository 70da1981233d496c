using System.Security.Cryptography;

namespace Ascl.Core.Files;

/// <summary>Hashes of file contents.</summary>
public static class FileHash
{
    /// <summary>SHA-256 of a file, in hexadecimal digits.</summary>
    public static string Of(string path) => Convert.ToHexStringLower(Bytes(path));

    /// <summary>SHA-256 over the hashes of several files; missing files are skipped.</summary>
    public static string Of(IEnumerable<string> paths)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in paths.Where(File.Exists))
            hash.AppendData(Bytes(path));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] Bytes(string path)
    {
        using FileStream file = File.OpenRead(path);
        return SHA256.HashData(file);
    }
}
