using System.IO.Compression;
using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Core.Tests.Files;

/// <summary>Files of other kinds where a safetensors file is meant: their names say nothing, their content does.</summary>
public sealed class ForeignFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string path;

    public ForeignFileTests() => path = directory.File("model.safetensors");

    public void Dispose() => directory.Dispose();

    [Theory]
    // What Python's own pickle.dump writes of these, and torch.save of PyTorch 1.5.
    [InlineData("\u0080\u0002\u008A\u000A\u006C\u00FC\u009C\u0046\u00F9\u0020\u006A\u00A8\u0050\u0019\u002E\u0080\u0002M\u00E9\u0003.",
        "a PyTorch checkpoint (.pt) as older")]
    [InlineData("\u0080\u0004\u0095\u0011\0\0\0\0\0\0\0}", "a Python pickle, not a PyTorch checkpoint")]
    [InlineData("\u0089HDF\r\n\u001A\n\0\0\0\0", "an HDF5 file (.h5): save its arrays")]
    [InlineData("\u0093NUMPY\u0001\0v\0{'descr': '<f4'}", "a NumPy array (.npy): ascl convert")]
    [InlineData("\b\u0008\u0012\u0007pytorch\u001A\u00051.8.0", "an ONNX model: give it a name that ends in .onnx")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 44700000\n", "a Git LFS pointer")]
    [InlineData("<!DOCTYPE html><html><body>Virus scan warning</body></html>", "a web page")]
    [InlineData("\u00EF\u00BB\u00BF\r\n <html>", "a web page")]
    [InlineData("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page")]
    [InlineData("Entry not found\nand more", "text that begins with 'Entry not found'")]
    [InlineData("404", "text that begins with '404'")]
    [InlineData("{\"epochs\": 3}", "text that begins with '{\"epochs\": 3}'")]
    [InlineData("PK\u0003\u0004 and then no more of it", "a zip archive, as .pt and .npz are, and that is cut off")]
    public void FormatIsRecognizedByItsFirstBytes(string latin1, string kind)
    {
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(latin1));
        AssertTold(kind);
    }

    [Theory]
    [InlineData("a PyTorch checkpoint (.pt): ascl convert", "model/data.pkl", "model/version", "model/data/0")]
    [InlineData("a NumPy archive (.npz): ascl convert", "x_train.npy", "y_train.npy")]
    [InlineData("a zip archive: unpack it", "model.safetensors")]
    [InlineData("a zip archive: unpack it", "model.npy", "read me.txt")]
    [InlineData("a zip archive: unpack it")]
    public void ZipIsRecognizedByItsEntries(string kind, params string[] names)
    {
        using (ZipArchive archive = ZipFile.Open(path, ZipArchiveMode.Create))
            foreach (string name in names)
                archive.CreateEntry(name);
        AssertTold(kind);
    }

    /// <summary>Without a name and a time in it, a gzip file's first eight bytes are a header length that could be: 559,903.</summary>
    [Theory]
    [InlineData(100)]
    [InlineData(1_000_000)]
    public void GzipIsNotMistakenForASafetensorsHeader(int length)
    {
        byte[] noise = new byte[length];
        new System.Random(1).NextBytes(noise);
        using (GZipStream gzip = new(File.Create(path), CompressionLevel.Fastest))
            gzip.Write(noise);
        AssertTold("a file compressed by gzip");
    }

    [Fact]
    public void TarIsRecognized()
    {
        byte[] archive = new byte[2048];
        "folder/"u8.CopyTo(archive);
        "ustar"u8.CopyTo(archive.AsSpan(257));
        File.WriteAllBytes(path, archive);
        AssertTold("a tar archive: unpack it");
    }

    private void AssertTold(string kind)
    {
        string message = Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path)).Message;
        Assert.StartsWith($"{path}: not a safetensors file but {kind}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
