using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Microsoft.ML.OnnxRuntime;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Every operator of <see cref="Classifier.FromOnnx"/> against ONNX Runtime, in the forms of several operator sets.</summary>
public sealed class OnnxOperatorTests : IDisposable
{
    private readonly CpuDevice device = new(1);
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx").FullName;

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static TheoryData<string> Names { get; } = new(OnnxOperatorCases.All.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void ValuesEqualOnnxRuntimes(string name)
    {
        OnnxOperatorCases.Case one = OnnxOperatorCases.All[name];
        ForeignModel written = new(one.Opset, ["N", .. one.Image.Cast<object>()]);
        one.Build(written);
        string path = Path.Combine(folder, "theirs.onnx");
        File.WriteAllBytes(path, written.Written());
        Shape shape = new(3, one.Image[0], one.Image[1], one.Image[2]);
        float[] pixels = new float[shape.Length];
        Philox.FillUniform(pixels, new RandomKey(1, RandomPurpose.Test), 0.05f, 0.95f);
        Tensor images = Tensor.FromArray(device, shape, pixels, requiresGrad: true);
        float[] expected = Theirs(path, pixels, shape);
        Classifier model = Classifier.FromOnnx(device, path);
        foreach (ForwardMode mode in new[] { ForwardMode.Inference, ForwardMode.Evaluate })
        {
            Tensor logits = model.Forward(images, mode).Logits;
            float[] found = logits.ToArray();
            Assert.Equal(expected.Length, found.Length);
            float largest = expected.Max(Math.Abs);
            for (int i = 0; i < found.Length; i++)
                Assert.True(Math.Abs(expected[i] - found[i]) <= 1e-5f * largest, $"{mode}, value {i}: {found[i]} for {expected[i]}");
            // What the ops themselves hold to double precision: here only that the walk reaches the images.
            Assert.Equal(pixels.Length, Gradient.Of(logits.Sum(), images)[0].ToArray().Count(float.IsFinite));
        }
    }

    /// <summary>An export writes the file's nodes again, with changed weights and a normalisation before them.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void ExportedAgainValuesAreTheSame(string name)
    {
        OnnxOperatorCases.Case one = OnnxOperatorCases.All[name];
        ForeignModel written = new(one.Opset, ["N", .. one.Image.Cast<object>()]);
        one.Build(written);
        string path = Path.Combine(folder, "theirs.onnx"), again = Path.Combine(folder, "again.onnx");
        File.WriteAllBytes(path, written.Written());
        float[] mean = [.. Enumerable.Repeat(-0.1f, one.Image[0])], std = [.. Enumerable.Repeat(1.3f, one.Image[0])];
        // Some cases begin with what is taken for a normalisation, and take no other one.
        bool isNormalized = Classifier.FromOnnx(device, path).Spec.Mean.Length > 0;
        Classifier model = Classifier.FromOnnx(device, path, new() { Normalization = isNormalized ? null : (mean, std) });
        foreach (NamedTensor weight in model.Parameters.All.Where(p => p.Trained))
            weight.Tensor.Data.CopyFrom([.. weight.Tensor.ToArray().Select(w => 1.1f * w)]);
        OnnxExport.Save(again, model, []);
        Shape shape = new(3, one.Image[0], one.Image[1], one.Image[2]);
        float[] pixels = new float[shape.Length];
        Philox.FillUniform(pixels, new RandomKey(1, RandomPurpose.Test), 0.05f, 0.95f);
        float[] expected = model.Forward(Tensor.FromArray(device, shape, pixels), ForwardMode.Evaluate).Logits.ToArray();
        float[] found = Theirs(again, pixels, shape, "images"), ours = Classifier.FromOnnx(device, again)
            .Forward(Tensor.FromArray(device, shape, pixels), ForwardMode.Evaluate).Logits.ToArray();
        float largest = expected.Max(Math.Abs);
        Assert.Equal(expected, found, (a, b) => Math.Abs(a - b) <= 2e-5f * largest);
        Assert.Equal(expected, ours, (a, b) => Math.Abs(a - b) <= 2e-5f * largest);
    }

    /// <summary>A class token for each image, as PyTorch's expand(x.shape[0], -1, -1) is exported: weights, but not the same for other
    /// batches.</summary>
    [Fact]
    public void WeightsExpandedToTheBatchFollowItsSize()
    {
        ForeignModel written = new(17, "N", 3, 4, 4);
        string count = written.Add("Shape", ["x"], ("start", 0), ("end", 1));
        string shape = written.Add("Concat", [count, written.Integers(1, 4)], ("axis", 0));
        string token = written.Add("Expand", [written.Weights(1, 1, 4), shape]);
        string again = written.Add("Reshape", [written.Add("Neg", [token]), written.Add("Shape", [token])]);
        string patches = written.Add("Reshape", ["x", written.Integers(0, 12, 4)]);
        written.Add("Flatten", [written.Add("Concat", [token, patches, again], ("axis", 1))]);
        string path = Path.Combine(folder, "theirs.onnx");
        File.WriteAllBytes(path, written.Written());
        Classifier model = Classifier.FromOnnx(device, path);
        float[] pixels = new float[5 * 48];
        Philox.FillUniform(pixels, new RandomKey(1, RandomPurpose.Test), 0.05f, 0.95f);
        float[] expected = Theirs(path, pixels, new(5, 3, 4, 4));
        foreach (int images in new[] { 5, 3, 1, 5 })
        {
            Tensor x = Tensor.FromArray(device, new(images, 3, 4, 4), pixels[..(images * 48)]);
            Assert.Equal(expected[..(images * 56)], model.Forward(x, ForwardMode.Inference).Logits.ToArray());
        }
    }

    private static float[] Theirs(string path, float[] images, Shape shape, string input = "x")
    {
        using InferenceSession session = new(path);
        using OrtValue given = OrtValue.CreateTensorValueFromMemory(images, [.. shape.Sizes.ToArray().Select(size => (long)size)]);
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, [input], [given], session.OutputNames);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
