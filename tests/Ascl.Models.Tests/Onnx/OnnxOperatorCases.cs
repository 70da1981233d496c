namespace Ascl.Models.Tests.Onnx;

/// <summary>Small models that use an operator each.</summary>
internal static class OnnxOperatorCases
{
    /// <param name="Opset">Version of the operators.</param>
    /// <param name="Image">Channels, height and width of the images.</param>
    /// <param name="Build">Adds the nodes.</param>
    public sealed record Case(int Opset, int[] Image, Action<ForeignModel> Build);

    private static readonly int[] Image = [3, 9, 7], Even = [8, 8, 8];

    public static IReadOnlyDictionary<string, Case> All { get; } = Convolutions().Concat(Pools()).Concat(Elementwise()).Concat(Binary())
        .Concat(Norms()).Concat(Shapes()).Concat(Reductions()).Concat(Resizing()).Concat(Products()).ToDictionary(c => c.Name, c => c.Case);

    private static (string Name, Case Case) One(string name, Action<ForeignModel> build, int opset = 17, int[]? image = null) =>
        (name, new(opset, image ?? Image, build));

    private static IEnumerable<(string Name, Case Case)> Convolutions()
    {
        yield return One("conv", m => m.Add("Conv", ["x", m.Weights(5, 3, 3, 3), m.Weights(5)], ("pads", (int[])[1, 1, 1, 1])), 7);
        yield return One("conv, dilation, uneven pads", m =>
            m.Add("Conv", ["x", m.Weights(4, 3, 3, 2)], ("dilations", (int[])[2, 3]), ("pads", (int[])[2, 0, 1, 3])));
        yield return One("conv, strides", m => m.Add("Conv", ["x", m.Weights(4, 3, 5, 1)], ("strides", (int[])[2, 3])));
        yield return One("conv, same upper", m =>
            m.Add("Conv", ["x", m.Weights(4, 3, 3, 4)], ("auto_pad", "SAME_UPPER"), ("strides", (int[])[2, 2])));
        yield return One("conv, same lower", m => m.Add("Conv", ["x", m.Weights(4, 3, 2, 4)], ("auto_pad", "SAME_LOWER")));
        yield return One("conv, groups", m => m.Add("Conv", ["x", m.Weights(12, 4, 3, 3)], ("group", 2)), image: Even);
        yield return One("conv, depthwise", m =>
            m.Add("Conv", ["x", m.Weights(8, 1, 5, 5), m.Weights(8)], ("group", 8), ("pads", (int[])[2, 2, 2, 2])), image: Even);
        yield return One("conv, depthwise, two each", m =>
            m.Add("Conv", ["x", m.Weights(16, 1, 3, 3)], ("group", 8), ("strides", (int[])[2, 2])), image: Even);
        yield return One("conv, batch norm, residual, relu", m =>
        {
            string y = m.Add("Conv", ["x", m.Weights(3, 3, 3, 3)], ("pads", (int[])[1, 1, 1, 1]));
            y = m.Add("BatchNormalization", [y, m.Weights(3), m.Weights(3), m.Weights(3), m.Weights(1, [3])]);
            m.Add("Relu", [m.Add("Add", [y, m.Add("Mul", ["x", m.Weights(3, 1, 1)])])]);
        });
        yield return One("conv, residual of one pixel", m =>
        {
            string y = m.Add("Conv", ["x", m.Weights(3, 3, 1, 1)]);
            m.Add("Relu", [m.Add("Add", [m.Add("GlobalAveragePool", ["x"]), y])]);
        });
        yield return One("conv transpose", m =>
            m.Add("ConvTranspose", ["x", m.Weights(3, 4, 3, 3), m.Weights(4)], ("strides", (int[])[2, 2]), ("pads", (int[])[1, 1, 0, 1]),
                ("output_padding", (int[])[1, 0])));
        yield return One("conv transpose, groups, output shape", m =>
            m.Add("ConvTranspose", ["x", m.Weights(8, 2, 3, 3)], ("group", 4), ("strides", (int[])[2, 2]),
                ("output_shape", (int[])[16, 16])),
            image: Even);
        yield return One("conv transpose, dilation", m =>
            m.Add("ConvTranspose", ["x", m.Weights(3, 2, 2, 2)], ("dilations", (int[])[2, 2]), ("auto_pad", "SAME_UPPER")));
    }

    private static IEnumerable<(string Name, Case Case)> Pools()
    {
        yield return One("max pool", m =>
            m.Add("MaxPool", ["x"], ("kernel_shape", (int[])[3, 3]), ("strides", (int[])[2, 2]), ("pads", (int[])[1, 1, 1, 1])));
        yield return One("max pool, ceil, dilation", m =>
            m.Add("MaxPool", ["x"], ("kernel_shape", (int[])[2, 3]), ("strides", (int[])[2, 2]), ("dilations", (int[])[2, 1]),
                ("ceil_mode", 1)));
        yield return One("average pool", m => m.Add("AveragePool", ["x"], ("kernel_shape", (int[])[2, 3]), ("strides", (int[])[2, 1]),
            ("pads", (int[])[1, 1, 0, 1])));
        yield return One("average pool, padding counts", m => m.Add("AveragePool", ["x"], ("kernel_shape", (int[])[3, 3]),
            ("strides", (int[])[2, 2]), ("pads", (int[])[1, 1, 1, 1]), ("count_include_pad", 1)));
        yield return One("average pool, ceil", m => m.Add("AveragePool", ["x"], ("kernel_shape", (int[])[2, 2]), ("strides", (int[])[2, 2]),
            ("ceil_mode", 1)), 19);
        yield return One("average pool, same", m => m.Add("AveragePool", ["x"], ("kernel_shape", (int[])[3, 3]),
            ("auto_pad", "SAME_UPPER")));
        yield return One("global average pool", m => m.Add("GlobalAveragePool", ["x"]));
        yield return One("global max pool", m => m.Add("GlobalMaxPool", ["x"]));
    }

    private static IEnumerable<(string Name, Case Case)> Elementwise()
    {
        foreach (string type in new[] { "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Log", "Sqrt", "Abs", "Neg",
            "Reciprocal", "Erf", "Sin", "Cos", "Floor", "Ceil", "Round", "Sign", "Identity", "HardSwish", "LeakyRelu", "Elu", "Celu",
            "Selu", "HardSigmoid" })
        {
            yield return One(type, m => m.Add(type, [m.Add("Mul", ["x", m.Floats([], type is "Log" or "Sqrt" ? 3f : -3f)])]));
            yield return One($"{type} of an activation", m =>
                m.Add("Conv", [m.Add(type, [m.Add("Conv", ["x", m.Weights(type is "Log" or "Sqrt" or "Reciprocal" ? 1 : 0,
                    [4, 3, 1, 1])])]),
                    m.Weights(2, 4, 3, 3)], ("pads", (int[])[1, 1, 1, 1])));
        }
        yield return One("Mish", m => m.Add("Mish", [m.Add("Sub", ["x", m.Floats([], 0.5f)])]), 18);
        yield return One("Gelu", m => m.Add("Gelu", [m.Add("Sub", ["x", m.Floats([], 0.5f)])]), 20);
        yield return One("Gelu, tanh", m => m.Add("Gelu", [m.Add("Sub", ["x", m.Floats([], 0.5f)])], ("approximate", "tanh")), 20);
        yield return One("Clip, attributes", m => m.Add("Clip", ["x"], ("min", 0.2f), ("max", 0.7f)), 7);
        yield return One("Clip, inputs", m => m.Add("Clip", ["x", m.Floats([], 0.2f), m.Floats([], 0.7f)]));
        yield return One("PRelu", m => m.Add("PRelu", [m.Add("Conv", ["x", m.Weights(4, 3, 1, 1)]), m.Weights(4, 1, 1)]));
        yield return One("PRelu, one slope", m => m.Add("PRelu", [m.Add("Sub", ["x", m.Floats([], 0.5f)]), m.Floats([1], 0.3f)]));
        yield return One("Dropout", m => m.Add("Dropout", ["x"]));
        yield return One("Cast to integers and back", m =>
            m.Add("Cast", [m.Add("Cast", [m.Add("Mul", ["x", m.Floats([], -9f)])], ("to", 7))], ("to", 1)));
        yield return One("gelu written out", m =>
        {
            string y = m.Add("Add", [m.Add("Erf", [m.Add("Div", ["x", m.Floats([], 1.4142135f)])]), m.Floats([], 1f)]);
            m.Add("Mul", [m.Add("Mul", ["x", y]), m.Floats([], 0.5f)]);
        });
        yield return One("swish written out", m => m.Add("Mul", ["x", m.Add("Sigmoid", ["x"])]));
    }

    private static IEnumerable<(string Name, Case Case)> Binary()
    {
        foreach (string type in new[] { "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min" })
        {
            yield return One($"{type}, a channel", m => m.Add(type, ["x", m.Weights(1, [3, 1, 1])]));
            yield return One($"{type}, of an activation and a channel", m =>
                m.Add(type, [m.Add("Sigmoid", [m.Add("Conv", ["x", m.Weights(4, 3, 1, 1)])]), m.Weights(1, [1, 4, 1, 1])]));
            yield return One($"{type}, two activations", m =>
            {
                string a = m.Add("Sigmoid", [m.Add("Conv", ["x", m.Weights(4, 3, 1, 1)])]);
                m.Add(type, [a, m.Add("Sigmoid", [m.Add("Conv", ["x", m.Weights(4, 3, 1, 1)])])]);
            });
            yield return One($"{type}, number first", m => m.Add(type, [m.Floats([], 1.5f), "x"]));
            yield return One($"{type}, number last", m => m.Add(type, ["x", m.Floats([1], 1.5f)]));
            yield return One($"{type}, last axis", m => m.Add(type, ["x", m.Weights(1, [7])]));
            yield return One($"{type}, more axes than the image", m =>
                m.Add("Squeeze", [m.Add(type, ["x", m.Weights(1, [1, 1, 1, 9, 1])]), m.Integers(0)]));
        }
        yield return One("Where", m => m.Add("Where", [m.Add("Greater", ["x", m.Floats([], 0.5f)]), "x", m.Weights(3, 1, 1)]));
        yield return One("Where, not less", m => m.Add("Where", [m.Add("Not", [m.Add("Less", ["x", m.Weights(9, 1)])]), "x",
            m.Floats([], 0f)]));
        yield return One("Sum and Mean", m => m.Add("Mean", [m.Add("Sum", ["x", m.Weights(7), "x"]), "x"]));
    }

    private static IEnumerable<(string Name, Case Case)> Norms()
    {
        yield return One("BatchNormalization", m =>
            m.Add("BatchNormalization", ["x", m.Weights(3), m.Weights(3), m.Weights(3), m.Weights(1, [3])], ("epsilon", 0.01f)), 9);
        yield return One("BatchNormalization of rows", m =>
            m.Add("BatchNormalization", [m.Add("Flatten", ["x"]), m.Weights(189), m.Weights(189), m.Weights(189), m.Weights(1, [189])]));
        yield return One("BatchNormalization, shared scale", m =>
        {
            string scale = m.Weights(1, [3]), zero = m.Weights(3);
            string y = m.Add("BatchNormalization", ["x", scale, zero, m.Weights(3), m.Weights(1, [3])]);
            m.Add("BatchNormalization", [m.Add("Sigmoid", [y]), scale, zero, m.Weights(3), m.Weights(1, [3])]);
        });
        yield return One("InstanceNormalization", m => m.Add("InstanceNormalization", ["x", m.Weights(3), m.Weights(3)]));
        yield return One("GroupNormalization, 21", m => m.Add("GroupNormalization", ["x", m.Weights(8), m.Weights(8)], ("num_groups", 4)),
            21, Even);
        yield return One("LayerNormalization", m => m.Add("LayerNormalization", ["x", m.Weights(9, 7), m.Weights(9, 7)], ("axis", 2)));
        yield return One("LayerNormalization over channels", m =>
        {
            string y = m.Add("Transpose", [m.Add("Conv", ["x", m.Weights(5, 3, 1, 1)])], ("perm", (int[])[0, 2, 3, 1]));
            m.Add("Transpose", [m.Add("LayerNormalization", [y, m.Weights(5), m.Weights(5)])], ("perm", (int[])[0, 3, 1, 2]));
        });
        yield return One("layer norm written out", m =>
        {
            string d = m.Add("Sub", ["x", m.Add("ReduceMean", ["x"], ("axes", (int[])[-1]))]);
            string v = m.Add("ReduceMean", [m.Add("Pow", [d, m.Floats([], 2f)])], ("axes", (int[])[-1]));
            string y = m.Add("Div", [d, m.Add("Sqrt", [m.Add("Add", [v, m.Floats([], 1e-3f)])])]);
            m.Add("Add", [m.Add("Mul", [y, m.Weights(7)]), m.Weights(7)]);
        });
        yield return One("LpNormalization", m => m.Add("LpNormalization", ["x"], ("axis", 1)));
        yield return One("Softmax", m => m.Add("Mul", [m.Add("Softmax", ["x"], ("axis", 1)), m.Weights(7)]));
        yield return One("Softmax, up to 12", m => m.Add("Mul", [m.Add("Softmax", ["x"], ("axis", 2)), m.Weights(7)]), 11);
        yield return One("LogSoftmax", m => m.Add("Mul", [m.Add("LogSoftmax", ["x"]), m.Weights(7)]));
    }

    private static IEnumerable<(string Name, Case Case)> Shapes()
    {
        yield return One("Reshape", m => m.Add("Mul", [m.Add("Reshape", ["x", m.Integers(0, -1, 9)]), m.Weights(9)]));
        yield return One("Transpose", m => m.Add("Transpose", ["x"], ("perm", (int[])[0, 3, 1, 2])));
        yield return One("Transpose of the last two", m => m.Add("Transpose", ["x"], ("perm", (int[])[0, 1, 3, 2])));
        yield return One("Squeeze and Unsqueeze, attributes", m =>
            m.Add("Squeeze", [m.Add("Unsqueeze", ["x"], ("axes", (int[])[1, -1]))], ("axes", (int[])[1])), 11);
        yield return One("Squeeze and Unsqueeze, inputs", m =>
            m.Add("Squeeze", [m.Add("Unsqueeze", ["x", m.Integers(1, -1)]), m.Integers(1)]));
        yield return One("Concat of channels", m =>
        {
            string a = m.Add("Conv", ["x", m.Weights(5, 3, 1, 1)]), b = m.Add("Conv", ["x", m.Weights(12, 3, 1, 1)]);
            m.Add("Concat", [a, b, "x"], ("axis", 1));
        });
        yield return One("Concat of the last axis", m => m.Add("Concat", ["x", m.Add("Neg", ["x"])], ("axis", -1)));
        yield return One("Split, attribute", m => m.Add("Concat",
            [.. m.AddMany("Split", ["x"], 2, ("axis", 3), ("split", (int[])[2, 5])).Reverse()], ("axis", 3)), 11);
        yield return One("Split, input", m => m.Add("Concat",
            [.. m.AddMany("Split", [m.Add("Conv", ["x", m.Weights(9, 3, 1, 1)]), m.Integers(2, 7)], 2, ("axis", 1)).Reverse()],
            ("axis", 1)));
        yield return One("Split, number of parts", m => m.Add("Concat",
            [.. m.AddMany("Split", ["x"], 3, ("axis", 3), ("num_outputs", 3)).Reverse()], ("axis", 3)), 18);
        yield return One("Slice, attributes", m => m.Add("Slice", ["x"], ("starts", (int[])[1, -3]), ("ends", (int[])[8, 100]),
            ("axes", (int[])[2, 3])), 9);
        yield return One("Slice, steps", m => m.Add("Slice", ["x", m.Integers(7, 0), m.Integers(long.MinValue, 7), m.Integers(2, 3),
            m.Integers(-2, 3)]));
        yield return One("Slice of channels", m => m.Add("Slice", [m.Add("Conv", ["x", m.Weights(9, 3, 1, 1)]), m.Integers(3),
            m.Integers(9), m.Integers(1)]));
        yield return One("Gather", m => m.Add("Gather", ["x", m.Integers(2, 0, -1)], ("axis", 2)));
        yield return One("shape arithmetic", m =>
        {
            string n = m.Add("Gather", [m.Add("Shape", ["x"]), m.Integers(0)]);
            string rest = m.Add("Div", [m.Add("Size", [m.Add("Slice", ["x", m.Integers(0), m.Integers(1), m.Integers(0)])]),
                m.Integers(7)]);
            m.Add("Mul", [m.Add("Reshape", ["x", m.Add("Concat", [n, rest, m.Integers(7)], ("axis", 0))]), m.Weights(7)]);
        });
        foreach (bool isOfDividend in new[] { false, true })
        {
            yield return One($"Mod of constants{(isOfDividend ? ", fmod" : "")}", m =>
            {
                // −13 mod 5 is 2, with fmod −3: rows 2 to 8, or 6 to 8.
                string start = m.Add("Mod", [m.Integers(-13), m.Integers(5)], ("fmod", isOfDividend ? 1 : 0));
                m.Add("Slice", ["x", start, m.Integers(9), m.Integers(2)]);
            });
        }
        yield return One("comparison of large constants", m =>
        {
            string isLess = m.Add("Less", [m.Integers(16_777_216), m.Integers(16_777_217)]);
            m.Add("Slice", ["x", m.Add("Cast", [isLess], ("to", 7)), m.Integers(9), m.Integers(2)]);
        });
        yield return One("Expand", m => m.Add("Expand", [m.Add("GlobalAveragePool", ["x"]), m.Integers(1, 1, 4, 5)]));
        yield return One("token of constants", m =>
        {
            string shape = m.Add("Concat", [m.Add("Gather", [m.Add("Shape", ["x"]), m.Integers(0)]), m.Integers(-1, -1, -1)], ("axis", 0));
            string isFree = m.Add("Equal", [shape, m.Integers(-1)]);
            string token = m.Add("Expand", [m.Weights(1, 3, 1, 7), m.Add("Where", [isFree, m.Integers(1, 1, 1, 1), shape])]);
            m.Add("Concat", [token, "x"], ("axis", 2));
        });
        yield return One("Tile", m => m.Add("Tile", ["x", m.Integers(1, 2, 1, 3)]));
        yield return One("DepthToSpace", m => m.Add("DepthToSpace", ["x"], ("blocksize", 2)), image: Even);
        yield return One("DepthToSpace, CRD", m => m.Add("DepthToSpace", ["x"], ("blocksize", 2), ("mode", "CRD")), image: Even);
        yield return One("SpaceToDepth", m => m.Add("SpaceToDepth", ["x"], ("blocksize", 2)), image: Even);
        yield return One("channel shuffle", m => m.Add("Reshape", [m.Add("Transpose", [m.Add("Reshape", ["x", m.Integers(-1, 2, 4, 8, 8)])],
            ("perm", (int[])[0, 2, 1, 3, 4])), m.Integers(-1, 8, 8, 8)]), image: Even);
    }

    private static IEnumerable<(string Name, Case Case)> Reductions()
    {
        foreach (string type in new[] { "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare",
            "ReduceLogSumExp", "ReduceLogSum" })
        {
            yield return One(type, m => m.Add(type, ["x"], ("axes", (int[])[1, 3]), ("keepdims", 0)), 11);
            yield return One($"{type}, axes as input", m => m.Add("Mul", [m.Add(type, ["x", m.Integers(-1)]), m.Weights(3, 9, 1)]), 18);
        }
        yield return One("ReduceSum", m => m.Add("ReduceSum", ["x", m.Integers(2, 3)], ("keepdims", 0)), 13);
        yield return One("ReduceMean over pixels of an activation", m =>
            m.Add("ReduceMean", [m.Add("Conv", ["x", m.Weights(5, 3, 1, 1)])], ("axes", (int[])[2, 3])));
        yield return One("ArgMax", m => m.Add("Cast", [m.Add("ArgMax", ["x"], ("axis", 2))], ("to", 1)));
    }

    private static IEnumerable<(string Name, Case Case)> Resizing()
    {
        foreach (string mode in new[] { "constant", "reflect", "edge" })
            yield return One($"Pad, {mode}", m => m.Add("Pad", ["x", m.Integers(0, 0, 2, 1, 0, 0, 1, 3)], ("mode", mode)), 13);
        yield return One("Pad, attributes", m => m.Add("Pad", ["x"], ("pads", (int[])[0, 1, 2, 0, 0, 0, 1, 3]), ("value", 1.5f)), 9);
        yield return One("Pad, value", m => m.Add("Pad", ["x", m.Integers(0, 0, 2, 1, 0, 0, 1, 3), m.Floats([], 0.7f)]), 13);
        yield return One("Pad, axes, cropped", m => m.Add("Pad", ["x", m.Integers(-1, 2, 2, -3), "", m.Integers(2, 3)]), 18);
        yield return One("Pad, wrap", m => m.Add("Pad", ["x", m.Integers(0, 0, 2, 1, 0, 0, 1, 3)], ("mode", "wrap")), 19);
        foreach (string mode in new[] { "nearest", "linear", "cubic" })
            foreach (string way in new[] { "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric" })
            {
                yield return One($"Resize, {mode}, {way}", m => m.Add("Resize", ["x", "", m.Floats([4], 1, 1, 1.7f, 0.6f)], ("mode", mode),
                    ("coordinate_transformation_mode", way)), 13);
            }
        yield return One("Resize, sizes", m => m.Add("Resize", ["x", "", "", m.Integers(5, 14)], ("mode", "linear"),
            ("axes", (int[])[2, 3])), 18);
        yield return One("Resize, 10", m => m.Add("Resize", ["x", m.Floats([4], 1, 1, 2, 3)], ("mode", "nearest")), 10);
        yield return One("Resize, nearest, floor", m => m.Add("Resize", ["x", "", m.Floats([4], 1, 1, 2, 3)], ("nearest_mode", "floor"),
            ("coordinate_transformation_mode", "asymmetric")), 13);
        yield return One("Upsample", m => m.Add("Upsample", ["x", m.Floats([4], 1, 1, 2, 2)], ("mode", "linear")), 9);
    }

    private static IEnumerable<(string Name, Case Case)> Products()
    {
        yield return One("Gemm", m => m.Add("Gemm", [m.Add("Flatten", ["x"]), m.Weights(189, 6), m.Weights(6)], ("alpha", 0.5f),
            ("beta", 2f)));
        yield return One("Gemm, transposed", m => m.Add("Gemm", [m.Add("Flatten", ["x"]), m.Weights(6, 189)], ("transB", 1)));
        yield return One("MatMul", m => m.Add("MatMul", ["x", m.Weights(7, 5)]));
        yield return One("MatMul and Add", m => m.Add("Add", [m.Add("MatMul", ["x", m.Weights(7, 5)]), m.Weights(5)]));
        yield return One("MatMul, attention", m =>
        {
            string t = m.Add("Reshape", ["x", m.Integers(0, 3, 9, 7)]);
            string scores = m.Add("MatMul", [t, m.Add("Transpose", [t], ("perm", (int[])[0, 1, 3, 2]))]);
            m.Add("MatMul", [m.Add("Softmax", [scores], ("axis", -1)), t]);
        });
        yield return One("MatMul, constant first", m => m.Add("MatMul", [m.Weights(4, 9), "x"]));
    }
}
