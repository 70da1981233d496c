using System.Text;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Onnx;
using Ascl.OnnxRuntime;

namespace Ascl.Models.Tests.Onnx;

/// <summary>ONNX files of other exporters: logits[k] = scale·pixel[k] of images of 1 × 1 × 3.</summary>
public sealed class OnnxNetworkTests : IDisposable
{
    private readonly CpuDevice device = new(1);
    private readonly string path = Path.Combine(Directory.CreateTempSubdirectory("ascl-onnx").FullName, "theirs.onnx");

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    /// <summary>A file with a fixed batch size of two runs on any number of images, with any names of input and output.</summary>
    [Theory]
    [InlineData("N")]
    [InlineData(2)]
    public void AcceptsAnyNumberOfImages(object batch)
    {
        Write(input: [batch, 1, 1, 3], output: [batch, 3]);
        Classifier model = OnnxNetwork.Load(device, path, ([0.5f], [0.25f]));
        Assert.False(model.HasGradients);
        Assert.Equal((1, 3), model.ImageSize);
        foreach (int count in new[] { 1, 2, 5 })
        {
            float[] pixels = [.. Enumerable.Range(0, 3 * count).Select(i => i / 64f)];
            float[] logits = model.Forward(Tensor.FromArray(device, new(count, 1, 1, 3), pixels), ForwardMode.Inference).Logits.ToArray();
            Assert.Equal(pixels.Select(p => 2 * (p - 0.5f) * 4), logits);
        }
    }

    [Fact]
    public void GradientsAndTrainingAreRefused()
    {
        Write(input: ["N", 1, 1, 3], output: ["N", 3]);
        Classifier model = OnnxNetwork.Load(device, path);
        float[] pixels = [0, 0.5f, 1];
        Tensor withGradient = Tensor.FromArray(device, new(1, 1, 1, 3), pixels, requiresGrad: true);
        Assert.Throws<NotSupportedException>(() => model.Forward(withGradient, ForwardMode.Inference));
        Assert.Throws<NotSupportedException>(() => model.Forward(Tensor.FromArray(device, new(1, 1, 1, 3), pixels), ForwardMode.Train));
    }

    [Fact]
    public void UnsupportedModelsAreRefusedInOneLine()
    {
        Write(input: ["N", 3], output: ["N", 3]);
        Assert.Equal("images [N, C, H, W] of a known number of channels are needed, its input 'x' is [?, 3]", Refusal());
        Write(input: ["N", "C", 1, 3], output: ["N", 3]);
        Assert.Equal("images [N, C, H, W] of a known number of channels are needed, its input 'x' is [?, ?, 1, 3]", Refusal());
        Write(input: ["N", 1, 1, 3], output: ["N", 1]);
        Assert.StartsWith(
            "logits [N, classes] of a known number of classes are needed, its output 'y' is", Refusal(), StringComparison.Ordinal);
        Write(input: ["N", 1, 1, 3], output: ["N", 3], more: new ProtobufMessage().Message(11, Described("mask")));
        Assert.Equal("one input is needed; it has x, mask", Refusal());
        Write(input: ["N", 1, 1, 3], output: ["N", 3], more: new ProtobufMessage().Message(12, Described("flatten_0")));
        Assert.Equal("one output is needed, or one named logits; it has y, flatten_0", Refusal());
        Write(input: ["N", 1, 1, 3], output: ["N", 3]);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().LastIndexOf(Encoding.ASCII.GetBytes("y\u0012")) + 6] = 7;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("ONNX Runtime cannot load it", Refusal(), StringComparison.Ordinal);
    }

    /// <summary>Of several outputs the one named logits is used.</summary>
    [Fact]
    public void LogitsAreFoundAmongSeveralOutputs()
    {
        Write(input: ["N", 1, 1, 3], output: ["N", 3], name: "logits", more: new ProtobufMessage().Message(12, Described("flatten_0")));
        Tensor images = Tensor.FromArray(device, new(1, 1, 1, 3), [0, 0.5f, 1]);
        Assert.Equal([0, 1, 2], OnnxNetwork.Load(device, path).Forward(images, ForwardMode.Inference).Logits.ToArray());
    }

    [Fact]
    public void NonFiniteLogitsAreRefused()
    {
        Write(input: ["N", 1, 1, 3], output: ["N", 3], scale: float.PositiveInfinity);
        Classifier model = OnnxNetwork.Load(device, path);
        Tensor images = Tensor.FromArray(device, new(1, 1, 1, 3), [0, 0.5f, 1]);
        Assert.Contains(
            "NaN", Assert.Throws<UserErrorException>(() => model.Forward(images, ForwardMode.Inference)).Message, StringComparison.Ordinal);
    }

    private string Refusal()
    {
        string message = Assert.Throws<UserErrorException>(() => OnnxNetwork.Load(device, path)).Message;
        Assert.StartsWith($"{path}: ", message, StringComparison.Ordinal);
        return message[(path.Length + 2)..];
    }

    private void Write(object[] input, object[] output, string name = "y", float scale = 2, ProtobufMessage? more = null)
    {
        OnnxGraph graph = new();
        string scaled = graph.Add("Mul", [graph.Add("Flatten", ["x"]), graph.Constant("scale", [], [scale])]);
        ProtobufMessage model = graph.Model("scaled", ("x", input), (name, output), scaled, "0", new Dictionary<string, string>());
        // A repeated protobuf message is merged with the first.
        if (more is not null)
            model.Message(7, more);
        File.WriteAllBytes(path, model.Written().ToArray());
    }

    /// <summary>The description of a float32 scalar.</summary>
    private static ProtobufMessage Described(string name) => new ProtobufMessage().Text(1, name)
        .Message(2, new ProtobufMessage().Message(1, new ProtobufMessage().Integer(1, 1)));
}
