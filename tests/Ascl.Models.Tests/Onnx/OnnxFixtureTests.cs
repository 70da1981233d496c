using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Testing;
using Microsoft.ML.OnnxRuntime;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Whole models of torch's exporters against ONNX Runtime.</summary>
public sealed class OnnxFixtureTests : IDisposable
{
    private readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    public static TheoryData<string> Models { get; } = new(OnnxFixtures.Names);

    [Theory, MemberData(nameof(Models))]
    public void LogitsEqualOnnxRuntimes(string name)
    {
        string path = Made.OnnxFixture(name);
        Classifier model = Classifier.FromOnnx(device, path);
        using InferenceSession session = new(path);
        var (input, about) = session.InputMetadata.Single();
        bool isChannelsLast = about.Dimensions[^1] is 1 or 3 && about.Dimensions[1] is not (1 or 3);
        var (height, width) = model.ImageSize ?? throw new InvalidOperationException($"{name} takes any size");
        Shape shape = new(5, model.Spec.Channels, height, width);
        float[] pixels = new float[shape.Length];
        Philox.FillUniform(pixels, new RandomKey(3, RandomPurpose.Test), 0, 1);
        float[] found = model.Forward(Tensor.FromArray(device, shape, pixels), ForwardMode.Inference).Logits.ToArray();

        float[] theirs = isChannelsLast ? ChannelsLast(pixels, shape) : pixels;
        long[] sizes = isChannelsLast ? [5, height, width, shape[1]] : [5, shape[1], height, width];
        using OrtValue given = OrtValue.CreateTensorValueFromMemory(theirs, sizes);
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, [input], [given], session.OutputNames);
        float[] expected = results[0].GetTensorDataAsSpan<float>().ToArray();
        Assert.Equal(expected.Length, found.Length);
        // A model that ends in log-softmax: the classifier's logits are those before it.
        if (expected.Chunk(expected.Length / 5).All(row => Math.Abs(row.Sum(v => Math.Exp(v)) - 1) < 1e-5))
            found = [.. found.Chunk(found.Length / 5).SelectMany(LogSoftmax)];
        float largest = expected.Max(Math.Abs);
        for (int i = 0; i < found.Length; i++)
            Assert.True(Math.Abs(expected[i] - found[i]) <= 1e-4f * largest, $"value {i}: {found[i]} for {expected[i]}");
    }

    private static IEnumerable<float> LogSoftmax(float[] row)
    {
        double sum = Math.Log(row.Sum(v => Math.Exp(v)));
        return row.Select(v => (float)(v - sum));
    }

    private static float[] ChannelsLast(float[] pixels, Shape shape)
    {
        int area = shape[2] * shape[3];
        int channels = shape[1];
        return [.. Enumerable.Range(0, pixels.Length)
            .Select(i => pixels[(i / area / channels * channels + i % channels) * area + i / channels % area])];
    }
}
