using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Models.Weights;

namespace Ascl.Models.Tests;

/// <summary>Models and images for tests.</summary>
internal static class Made
{
    public static Classifier Classifier(Device device, string network, int channels = 3, int classes = 10, int projection = 0,
        Activation activation = Activation.Relu) =>
        new(device, new(network, channels, classes, [], [], projection, activation), seed: 1);

    public static Tensor Images(Device device, int count, int channels, int size, uint stream = 0) =>
        Tensor.FromArray(device, new(count, channels, size, size), Uniform(count * channels * size * size, stream, 0, 1));

    public static float[] Uniform(int length, uint stream, float low, float high)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(21, RandomPurpose.Test, stream), low, high);
        return values;
    }

    /// <summary>Sets every BatchNorm to parameters and statistics other than the initial ones.</summary>
    public static void DisturbNorms(Classifier model, uint stream)
    {
        foreach (NamedTensor tensor in model.Parameters.All.Where(t => t.Tensor.Shape.Rank == 1))
        {
            string scale = tensor.Trained ? ".weight" : "running_var";
            bool around1 = tensor.Name.EndsWith(scale, StringComparison.Ordinal);
            float[] values = Uniform(tensor.Tensor.Shape.Length, stream++, around1 ? 0.6f : -0.3f, around1 ? 1.6f : 0.3f);
            tensor.Tensor.Data.CopyFrom(values);
        }
    }

    public static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name + ".safetensors");

    /// <summary>An ONNX model of tests/fixtures/onnx.</summary>
    public static string OnnxFixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", "onnx", name + ".onnx");
}
