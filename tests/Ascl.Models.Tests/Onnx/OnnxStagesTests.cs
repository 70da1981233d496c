using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Models.Onnx.Import;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Which activations of a graph a study looks at, and what it calls them.</summary>
public sealed class OnnxStagesTests
{
    [Theory]
    [InlineData("Conv", "/conv1/Conv", "conv1")]
    [InlineData("Add", "/layer1/layer1.0/Add", "layer1.0")]
    [InlineData("Add", "/layer1/layer1.0/Add_1", "layer1.0")]
    [InlineData("ascl.Conv", "/features/features.3/conv/conv.2/Conv", "features.3.conv.2")]
    [InlineData("ascl.Conv+", "/layer1/layer1.0/conv2/Conv", "layer1.0")]
    [InlineData("ascl.Conv+", "Conv_12", "Conv_12")]
    [InlineData("Concat", "onnx::Concat_77", "concat 5")]
    [InlineData("Conv", "612", "conv 5")]
    [InlineData("Conv", "StatefulPartitionedCall/net/conv1/Conv2D", "StatefulPartitionedCall.net.conv1")]
    public void NamesAreThoseOfModules(string type, string node, string expected)
    {
        string[] inputs = type.EndsWith('+') ? ["x", "w", "", "", "", "", "", "r"] : ["x", "w"];
        OnnxNode made = new(type.TrimEnd('+'), node, inputs, ["y"], new Dictionary<string, OnnxAttribute>());
        Assert.Equal(expected, OnnxStages.NameOf(made, 5));
    }

    /// <summary>A chain of blocks: all sums of few, the last of each size of many.</summary>
    [Theory]
    [InlineData(3, 7)]
    [InlineData(30, 3)]
    public void StagesAreFew(int blocks, int expected)
    {
        using CpuDevice device = new(1);
        List<(OnnxNode, Tensor)> values = [];
        for (int size = 16; size >= 4; size /= 2)
        {
            Add("Conv", size, 8);
            for (int i = 0; i < (size == 16 ? 0 : blocks); i++)
            {
                Add("Conv", size, 8 + i);
                Add("Add", size, 8);
            }
        }
        (string Name, Tensor Value)[] stages = [.. OnnxStages.Of(values)];
        Assert.InRange(stages.Length, 3, 12);
        Assert.True(stages.Length >= expected);
        Assert.Equal(stages.Length, stages.Select(stage => stage.Name).Distinct().Count());
        Assert.Equal(stages.Select(stage => stage.Value.Shape[2]).OrderDescending(), stages.Select(stage => stage.Value.Shape[2]));
        Assert.Same(values[^1].Item2, stages[^1].Value);

        void Add(string type, int size, int channels) => values.Add((
            new(type, $"/block/{type}", ["x"], ["y"], new Dictionary<string, OnnxAttribute>()),
            Tensor.FromArray(device, new(1, channels, size, size), new float[channels * size * size]).ToActivation()));
    }

    /// <summary>A file of a fixed batch size has the same stages for other batches, computed in pieces.</summary>
    [Fact]
    public void PiecesOfABatchHaveStagesToo()
    {
        using CpuDevice device = new(1);
        string path = Path.GetTempFileName() + ".onnx";
        try
        {
            Classifier any = Model("N"), fixedSize = Model(2);
            Tensor images = Tensor.FromArray(device, new(3, 3, 8, 8), [.. Enumerable.Range(0, 576).Select(i => i % 97 / 97f)]);
            (string, float[])[] expected = Stages(any), found = Stages(fixedSize);
            Assert.Equal(2, expected.Length);
            Assert.Equal(expected.Select(stage => stage.Item1), found.Select(stage => stage.Item1));
            foreach (var (a, b) in expected.Zip(found))
                Assert.Equal(a.Item2, b.Item2, (x, y) => Math.Abs(x - y) < 1e-5);

            (string, float[])[] Stages(Classifier model)
            {
                List<(string, float[])> stages = [];
                model.Forward(images, ForwardMode.Inference, (name, value) => stages.Add((name, value.GlobalAveragePool().ToArray())));
                return [.. stages];
            }
        }
        finally
        {
            File.Delete(path);
        }

        Classifier Model(object batch)
        {
            ForeignModel model = new(17, batch, 3, 8, 8);
            string y = model.Add("Relu", [model.Add("Conv", ["x", model.Weights(4, 3, 3, 3)], ("strides", (int[])[2, 2]))]);
            y = model.Add("Conv", [y, model.Weights(5, 4, 2, 2)]);
            // A reshape to a fixed number of rows keeps the batch size fixed.
            y = model.Add("Reshape", [model.Add("GlobalAveragePool", [y]), model.Integers(batch is int rows ? rows : -1, 5)]);
            model.Add("Gemm", [y, model.Weights(5, 5)]);
            File.WriteAllBytes(path, model.Written());
            return Classifier.FromOnnx(device, path);
        }
    }
}
