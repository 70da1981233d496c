using System.Runtime.InteropServices;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;

namespace Ascl.Models.Tests.Onnx;

/// <summary>External data, and files that are refused, each in one line that says why.</summary>
public sealed class OnnxRefusalTests : IDisposable
{
    private static readonly float[] Weights = [.. Enumerable.Range(0, 12).Select(i => i / 8f - 0.5f)];

    private readonly CpuDevice device = new(1);
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx").FullName;

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("weights.bin", null, null)]
    [InlineData("sub/folder/weights.bin", null, null)]
    [InlineData("weights.bin", 16, 48)]
    [InlineData("weights.bin", 16, null)]
    public void ExternalDataAreRead(string location, int? offset, int? length)
    {
        string file = Path.Combine(folder, location);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        byte[] tail = length is null ? [] : new byte[20];
        File.WriteAllBytes(file, [.. new byte[offset ?? 0], .. MemoryMarshal.AsBytes<float>(Weights), .. tail]);
        IsRight(Classifier.FromOnnx(device, Write("theirs.onnx", location, offset, length)));
    }

    /// <summary>A hub's cache: links named as the files are, to blobs named by their hashes.</summary>
    [Fact]
    public void ExternalDataAreFoundThroughTheLinksOfACache()
    {
        Directory.CreateDirectory(Path.Combine(folder, "blobs"));
        Directory.CreateDirectory(Path.Combine(folder, "snapshots"));
        Write(Path.Combine("blobs", "aaa"), "theirs.onnx.data");
        File.WriteAllBytes(Path.Combine(folder, "blobs", "bbb"), MemoryMarshal.AsBytes<float>(Weights).ToArray());
        string link = Path.Combine(folder, "snapshots", "theirs.onnx");
        File.CreateSymbolicLink(link, Path.Combine("..", "blobs", "aaa"));
        File.CreateSymbolicLink(link + ".data", Path.Combine("..", "blobs", "bbb"));
        IsRight(Classifier.FromOnnx(device, link));
    }

    /// <summary>Only the model is a link: its data lie beside what it links to.</summary>
    [Fact]
    public void ExternalDataAreFoundBesideTheTargetOfALink()
    {
        Directory.CreateDirectory(Path.Combine(folder, "real"));
        string real = Write(Path.Combine("real", "theirs.onnx"), "weights.bin");
        File.WriteAllBytes(Path.Combine(folder, "real", "weights.bin"), MemoryMarshal.AsBytes<float>(Weights).ToArray());
        string link = Path.Combine(folder, "link.onnx");
        File.CreateSymbolicLink(link, real);
        IsRight(Classifier.FromOnnx(device, link));
    }

    [Theory]
    [InlineData("none.bin", null, null, "read the external data of tensor 'c0' in")]
    [InlineData("../weights.bin", null, null, "its external data are in '../weights.bin', not in a file beside the model")]
    [InlineData("/etc/passwd", null, null, "its external data are in '/etc/passwd', not in a file beside the model")]
    [InlineData("", null, null, "its external data are in '', not in a file beside the model")]
    [InlineData("weights.bin", 40, 48, "end beyond")]
    [InlineData("weights.bin", 4, null, "needs 48 bytes, not 44")]
    [InlineData("weights.bin", -4, null, "its external data begin at '-4'")]
    [InlineData("weights.bin", 0, -1, "its external data are '-1' bytes long")]
    public void DamagedExternalDataAreRefused(string location, int? offset, int? length, string problem)
    {
        File.WriteAllBytes(Path.Combine(folder, "weights.bin"), MemoryMarshal.AsBytes<float>(Weights).ToArray());
        Assert.Contains(problem, Refusal(Write("theirs.onnx", location, offset, length)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(99)]
    public void OtherOperatorSetsAreRefused(int opset)
    {
        string path = Path.Combine(folder, "theirs.onnx");
        ForeignModel m = new(opset, "N", 3, 2, 2);
        m.Add("Relu", ["x"]);
        File.WriteAllBytes(path, m.Written());
        string message = Refusal(path);
        Assert.Contains($"operator set {opset} is not supported, only 7 to 23", message, StringComparison.Ordinal);
        Assert.Contains("export it again with another opset_version", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, which only stands for the file")]
    [InlineData("\u0008\u0008", "not an ONNX model: it holds no graph")]
    public void OtherFilesAreRefused(string content, string problem)
    {
        string path = Path.Combine(folder, "theirs.onnx");
        File.WriteAllText(path, content);
        Assert.Contains(problem, Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void MissingOperatorsAreNamedWithWhatToDo()
    {
        string path = Path.Combine(folder, "theirs.onnx");
        ForeignModel m = new(17, "N", 3, 2, 2);
        m.Add("com.microsoft:FusedConv", ["x"]);
        File.WriteAllBytes(path, m.Written());
        string message = Refusal(path);
        Assert.Contains("the operator com.microsoft.FusedConv node 'com.microsoft:FusedConv 1' is not supported", message,
            StringComparison.Ordinal);
        Assert.Contains("option onnx-runtime", message, StringComparison.Ordinal);
    }

    [Fact]
    public void SizesThatAreFarTooLargeAreRefused()
    {
        string path = Path.Combine(folder, "theirs.onnx");
        foreach (Action<ForeignModel> build in (Action<ForeignModel>[])
            [
                m => m.Add("MaxPool", ["x"], ("kernel_shape", (int[])[9, 9]), ("pads", (int[])[60_000, 60_000, 60_000, 60_000])),
                m => m.Add("Conv", ["x", m.Weights(4, 3, 1, 1)], ("pads", (int[])[30_000, 30_000, 30_000, 30_000])),
                m => m.Add("Tile", ["x", m.Integers(1, 1, 60_000, 60_000)]),
                m => m.Add("Expand", ["x", m.Integers(1 << 30, 1, 1, 1, 1)]),
                m => m.Add("Pad", ["x", m.Integers(0, 0, 60_000, 60_000, 0, 0, 0, 0)]),
                m => m.Add("Resize", ["x", "", m.Floats([4], 1, 1, 30_000, 30_000)]),
                m => m.Add("MatMul", [m.Add("Reshape", [m.Add("Tile", ["x", m.Integers(1, 10_000, 1, 1)]), m.Integers(0, -1, 1)]),
                    m.Add("Reshape", [m.Add("Tile", ["x", m.Integers(1, 10_000, 1, 1)]), m.Integers(0, 1, -1)])]),
                m => m.Add("Split", ["x"], ("num_outputs", int.MaxValue)),
                m => m.Add("RandomNormal", [], ("shape", (int[])[100_000, 100_000])),
            ])
        {
            ForeignModel m = new(18, "N", 3, 2, 2);
            build(m);
            File.WriteAllBytes(path, m.Written());
            Refusal(path);
        }
    }

    private string Write(string name, string location, long? offset = null, long? length = null)
    {
        string path = Path.Combine(folder, name);
        ForeignModel m = new(17, "N", 1, 2, 2);
        string weights = m.External([3, 4], location, offset, length);
        m.Output(m.Add("Gemm", [m.Add("Flatten", ["x"]), weights], ("transB", 1)), ["N", 3]);
        File.WriteAllBytes(path, m.Written());
        return path;
    }

    /// <summary>The logits of the third pixel are the third column of the weights.</summary>
    private void IsRight(Classifier model) => Assert.Equal([Weights[2], Weights[6], Weights[10]],
        model.Forward(Tensor.FromArray(device, new(1, 1, 2, 2), [0, 0, 1, 0]), ForwardMode.Inference).Logits.ToArray());

    private string Refusal(string path)
    {
        string message = Assert.Throws<UserErrorException>(() => Classifier.FromOnnx(device, path)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.Contains(folder, message, StringComparison.Ordinal);
        return message;
    }
}
