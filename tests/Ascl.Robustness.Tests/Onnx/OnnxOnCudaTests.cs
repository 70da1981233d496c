using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Tests.Onnx;
using Ascl.Robustness.Attacks;
using Ascl.Testing;

namespace Ascl.Robustness.Tests.Onnx;

/// <summary>Whole ONNX graphs on CUDA: on the machine's GPU, or by executing the PTX of their kernels.</summary>
[Collection(TestGpu.Collection)]
public sealed class OnnxOnCudaTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string> Names { get; } = ["blocks", "attention", "gates", "resizing"];

    [Theory]
    [MemberData(nameof(Names))]
    public void LogitsAndGradientsEqualTheCpus(string name)
    {
        string path = Written(name);
        using CpuDevice cpu = new(1);
        Classifier expected = Classifier.FromOnnx(cpu, path), found = Classifier.FromOnnx(TestGpu.Device, path);
        foreach (ForwardMode mode in new[] { ForwardMode.Evaluate, ForwardMode.Inference })
        {
            var (logits, gradient) = Computed(expected, mode);
            using IDisposable scope = TestGpu.Device.Pool.BeginScope();
            var (theirs, theirGradient) = Computed(found, mode);
            Tolerance.Close(Tolerance.ToDouble(logits), theirs, 1e-5, $"{name}, {mode}, logits");
            Tolerance.Close(Tolerance.ToDouble(gradient), theirGradient, 1e-5, $"{name}, {mode}, gradient");
        }
    }

    /// <summary>Two attacks of four steps: a step is launched kernel by kernel once, captured once, and replayed from then on.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void AttacksAreCaptured(string name)
    {
        string path = Written(name);
        PgdAttack attack = new(new(8 / 255.0, 2 / 255.0, 4));
        using CudaDevice repeating = TestGpu.Open(graphs: true), plain = TestGpu.Open(graphs: false);
        Assert.Equal(Perturbed(plain), Perturbed(repeating));
        Assert.Equal((1, 7), repeating.GraphCount);

        float[] Perturbed(CudaDevice device)
        {
            Classifier model = Classifier.FromOnnx(device, path);
            ImageBatch batch = Made.Batch(device, 1, 2);
            float[] first = Attacked();
            // What graphs compute of weights alone is made again, too.
            Tensor weight = model.Parameters.All.First(p => p.Trained).Tensor;
            weight.Data.CopyFrom([.. weight.ToArray().Select(w => 1.25f * w)]);
            return [.. first, .. Attacked()];

            float[] Attacked()
            {
                using IDisposable scope = device.Pool.BeginScope();
                return attack.Perturb(model, batch, Made.Key).ToArray();
            }
        }
    }

    private static (float[] Logits, float[] Gradient) Computed(Classifier model, ForwardMode mode)
    {
        ImageBatch batch = Made.Batch(model.Device, 1, 2);
        Tensor images = batch.Images.Detach(requiresGrad: true), logits = model.Forward(images, mode).Logits;
        return (logits.ToArray(), Gradient.Of(logits.CrossEntropy(batch.Labels), images)[0].ToArray());
    }

    private string Written(string name)
    {
        ForeignModel model = new(18, "N", Made.Channels, Made.Size, Made.Size);
        string features = name switch
        {
            "blocks" => Blocks(model),
            "attention" => Attention(model),
            "gates" => Gates(model),
            _ => Resizing(model),
        };
        int length = name == "attention" ? 6 : 8;
        model.Add("Gemm", [features, model.Weights(Made.Classes, length), model.Weights(Made.Classes)], ("transB", 1));
        string path = Path.Combine(folder, "theirs.onnx");
        File.WriteAllBytes(path, model.Written());
        return path;
    }

    /// <summary>A convolution with BatchNorm, a depthwise and a grouped one, poolings, a residual, a concatenation and a shuffle.</summary>
    private static string Blocks(ForeignModel m)
    {
        (string, object) padded = ("pads", (int[])[1, 1, 1, 1]), halved = ("strides", (int[])[2, 2]);
        (string, object) kernel = ("kernel_shape", (int[])[3, 3]);
        string y = m.Add("Conv", ["x", m.Weights(4, 3, 3, 3)], padded);
        y = m.Add("Relu", [m.Add("BatchNormalization", [y, m.Weights(1, [4]), m.Weights(4), m.Weights(4), m.Weights(1, [4])])]);
        string z = m.Add("Conv", [y, m.Weights(4, 1, 3, 3), m.Weights(4)], ("group", 4), padded);
        y = m.Add("Relu", [m.Add("Add", [m.Add("Conv", [z, m.Weights(4, 2, 1, 1)], ("group", 2)), y])]);
        string largest = m.Add("MaxPool", [y], kernel, padded, halved), mean = m.Add("AveragePool", [y], kernel, padded, halved);
        string all = m.Add("Concat", [largest, mean], ("axis", 1));
        all = m.Add("Reshape", [m.Add("Transpose", [m.Add("Reshape", [all, m.Integers(-1, 2, 4, 4, 4)])], ("perm", (int[])[0, 2, 1, 3, 4])),
            m.Integers(-1, 8, 4, 4)]);
        string[] halves = m.AddMany("Split", [all], 2, ("axis", 1), ("num_outputs", 2));
        all = m.Add("Concat", [halves[1], m.Add("Sigmoid", [halves[0]])], ("axis", 1));
        return m.Add("Flatten", [m.Add("GlobalAveragePool", [all])]);
    }

    /// <summary>Patches and a token with positions, a layer norm, attention of two heads, GELU.</summary>
    private static string Attention(ForeignModel m)
    {
        string patches = m.Add("Conv", ["x", m.Weights(6, 3, 4, 4), m.Weights(6)], ("strides", (int[])[4, 4]));
        string tokens = m.Add("Transpose", [m.Add("Reshape", [patches, m.Integers(0, 6, -1)])], ("perm", (int[])[0, 2, 1]));
        string n = m.Add("Slice", [m.Add("Shape", ["x"]), m.Integers(0), m.Integers(1)]);
        string token = m.Add("Expand", [m.Weights(1, 1, 6), m.Add("Concat", [n, m.Integers(1, 6)], ("axis", 0))]);
        tokens = m.Add("Add", [m.Add("Concat", [token, tokens], ("axis", 1)), m.Weights(1, 5, 6)]);
        string normed = m.Add("LayerNormalization", [tokens, m.Weights(1, [6]), m.Weights(6)]);
        string q = Heads(), k = Heads(), v = Heads();
        string scores = m.Add("Mul", [m.Add("MatMul", [q, m.Add("Transpose", [k], ("perm", (int[])[0, 1, 3, 2]))]), m.Floats([], 0.577f)]);
        string mixed = m.Add("MatMul", [m.Add("Softmax", [scores], ("axis", -1)), v]);
        mixed = m.Add("Reshape", [m.Add("Transpose", [mixed], ("perm", (int[])[0, 2, 1, 3])), m.Integers(0, 0, 6)]);
        tokens = m.Add("Add", [tokens, Dense(mixed, 6, 6)]);
        string hidden = Dense(tokens, 6, 9);
        string erf = m.Add("Add", [m.Add("Erf", [m.Add("Div", [hidden, m.Floats([], 1.4142135f)])]), m.Floats([], 1f)]);
        hidden = m.Add("Mul", [m.Add("Mul", [hidden, erf]), m.Floats([], 0.5f)]);
        tokens = m.Add("Add", [tokens, Dense(hidden, 9, 6)]);
        return m.Add("Gather", [tokens, m.Integer(0)], ("axis", 1));

        string Dense(string x, int from, int to) => m.Add("Add", [m.Add("MatMul", [x, m.Weights(from, to)]), m.Weights(to)]);

        string Heads() =>
            m.Add("Transpose", [m.Add("Reshape", [Dense(normed, 6, 6), m.Integers(0, 0, 2, 3)])], ("perm", (int[])[0, 2, 1, 3]));
    }

    /// <summary>Squeeze-and-excitation with HardSwish and HardSigmoid, ReLU6, PReLU.</summary>
    private static string Gates(ForeignModel m)
    {
        (string, object) padded = ("pads", (int[])[1, 1, 1, 1]);
        string y = m.Add("HardSwish", [m.Add("Conv", ["x", m.Weights(8, 3, 3, 3)], ("strides", (int[])[2, 2]), padded)]);
        string gate = m.Add("Relu", [m.Add("Conv", [m.Add("GlobalAveragePool", [y]), m.Weights(2, 8, 1, 1), m.Weights(0.5f, [2])])]);
        gate = m.Add("HardSigmoid", [m.Add("Conv", [gate, m.Weights(8, 2, 1, 1), m.Weights(8)])], ("alpha", 1 / 6f));
        y = m.Add("Mul", [gate, y]);
        y = m.Add("Clip", [m.Add("Conv", [y, m.Weights(8, 1, 3, 3)], ("group", 8), padded), m.Floats([], 0f), m.Floats([], 6f)]);
        y = m.Add("PRelu", [m.Add("Sub", [y, m.Weights(8, 1, 1)]), m.Weights(8, 1, 1)]);
        return m.Add("ReduceMean", [y, m.Integers(2, 3)], ("keepdims", 0));
    }

    /// <summary>The preprocessing that files contain: enlarged, padded, cropped, normalised; then a transposed convolution.</summary>
    private static string Resizing(ForeignModel m)
    {
        string y = m.Add("Resize", ["x", "", m.Floats([4], 1, 1, 1.5f, 1.5f)], ("mode", "linear"));
        y = m.Add("Pad", [y, m.Integers(0, 0, 1, 2, 0, 0, 1, 0)], ("mode", "reflect"));
        y = m.Add("Slice", [y, m.Integers(1, 2), m.Integers(13, 13), m.Integers(2, 3)]);
        y = m.Add("Div", [m.Add("Sub", [y, m.Weights(0.5f, [1, 3, 1, 1])]), m.Floats([1, 3, 1, 1], 0.2f, 0.3f, 0.25f)]);
        y = m.Add("Relu", [m.Add("Conv", [y, m.Weights(4, 3, 3, 3)], ("strides", (int[])[2, 2]))]);
        y = m.Add("ConvTranspose", [y, m.Weights(4, 8, 2, 2), m.Weights(8)], ("strides", (int[])[2, 2]));
        y = m.Add("Resize", [y, "", "", m.Integers(4, 4)], ("mode", "nearest"), ("axes", (int[])[2, 3]));
        return m.Add("Flatten", [m.Add("GlobalAveragePool", [m.Add("Tanh", [y])])]);
    }
}
