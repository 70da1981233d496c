using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Ascl.Models.Tests.Onnx;

/// <summary>What is found in a file and said about it. Images are 3 × 2 × 2, logits 4, mostly a linear function.</summary>
public sealed class OnnxFindingsTests : IDisposable
{
    private const int Pixels = 12, Classes = 4;

    private readonly CpuDevice device = new(1);
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx").FullName;
    private readonly List<string> notes = [];

    private string FilePath => Path.Combine(folder, "theirs.onnx");

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("Softmax", 17, "softmax")]
    [InlineData("LogSoftmax", 17, "log-softmax")]
    [InlineData("Softmax", 11, "softmax")]
    public void SoftmaxAtTheEndIsLeftOffAndSaid(string type, int opset, string said)
    {
        ForeignModel m = Model(opset);
        m.Output(m.Add("Identity", [m.Add(type, [Linear(m, "x")], ("axis", 1))]), ["N", Classes]);
        float[] found = Logits(Load(m), 3);
        Assert.Contains(notes, note => note.Contains($"the {said} at its end is left off", StringComparison.Ordinal));
        ForeignModel without = Model(opset);
        without.Output(Linear(without, "x"), ["N", Classes]);
        File.WriteAllBytes(FilePath, without.Written());
        Close(Theirs(3), found);
    }

    /// <summary>A softmax over the images of a batch is no part of a classifier's end.</summary>
    [Fact]
    public void SoftmaxOverAnotherAxisIsKept()
    {
        ForeignModel m = Model();
        m.Output(m.Add("Softmax", [Linear(m, "x")], ("axis", 0)), ["N", Classes]);
        Close(LogitsOf(m, 3), Theirs(3));
        Assert.DoesNotContain(notes, note => note.Contains("softmax", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("channels")]
    [InlineData("channels of 4 dimensions")]
    [InlineData("one number")]
    [InlineData("factor and term")]
    [InlineData("four steps")]
    public void NormalizationInsideIsFoundAndEqualsTheGraph(string kind)
    {
        ForeignModel m = Model();
        Normalized(m, kind, out float[] mean, out float[] std);
        Classifier model = Load(m);
        Close(mean, model.Spec.Mean);
        Close(std, model.Spec.Std);
        Assert.Contains(notes, note => note.Contains("input normalisation inside: mean ", StringComparison.Ordinal));
        Close(Theirs(3), Logits(model, 3));
        UserErrorException e = Assert.Throws<UserErrorException>(
            () => Classifier.FromOnnx(device, FilePath, new() { Normalization = ([0.5f, 0.5f, 0.5f], [0.2f, 0.2f, 0.2f]) }));
        Assert.Contains("has its input normalisation inside", e.Message, StringComparison.Ordinal);
        Assert.Contains("takes no other one", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NoNormalizationIsSaidAndCanBeGiven()
    {
        ForeignModel m = Model();
        m.Output(Linear(m, "x"), ["N", Classes]);
        Load(m);
        Assert.Contains(notes, note => note.Contains("no input normalisation inside", StringComparison.Ordinal));
        notes.Clear();
        Classifier model = Load(Model(), new OnnxOptions { Normalization = ([0.5f, 0.4f, 0.3f], [0.2f, 0.3f, 0.4f]) }, isWritten: true);
        Assert.Empty(notes);
        float[] given = Images(2), normalized = [.. given.Select((v, i) => (v - (0.5f - i / 4 % 3 * 0.1f)) / (0.2f + i / 4 % 3 * 0.1f))];
        Close(Theirs(2, normalized), Logits(model, 2));
    }

    [Fact]
    public void ImagesWithChannelsLastAreTaken()
    {
        ForeignModel m = new(17, "N", 5, 4, 3);
        string y = m.Add("Conv", [m.Add("Transpose", ["x"], ("perm", (int[])[0, 3, 1, 2])), m.Weights(6, 3, 3, 3)]);
        m.Output(m.Add("Flatten", [y]), ["N", "K"]);
        Classifier model = Load(m);
        Assert.Equal((3, (5, 4)), (model.Spec.Channels, model.ImageSize!.Value));
        float[] last = Images(2, 60), first = [.. Enumerable.Range(0, 120).Select(i => last[(i / 60 * 20 + i % 20) * 3 + i / 20 % 3])];
        Close(Theirs(2, last, [2, 5, 4, 3]), model.Forward(Tensor.FromArray(device, new(2, 3, 5, 4), first),
            ForwardMode.Inference).Logits.ToArray());
    }

    /// <summary>Normalisation before the transposition, or after it, and after a cast of the images.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NormalizationOfChannelsLastIsFound(bool isBefore)
    {
        ForeignModel m = new(17, "N", 5, 4, 3);
        string y = m.Add("Cast", ["x"], ("to", 1));
        y = isBefore ? y : m.Add("Transpose", [y], ("perm", (int[])[0, 3, 1, 2]));
        int[] shape = isBefore ? [3] : [1, 3, 1, 1];
        y = m.Add("Div", [m.Add("Sub", [y, m.Floats(shape, 0.4f, 0.5f, 0.6f)]), m.Floats(shape, 0.2f, 0.25f, 0.5f)]);
        y = isBefore ? m.Add("Transpose", [y], ("perm", (int[])[0, 3, 1, 2])) : y;
        m.Output(m.Add("Flatten", [m.Add("Conv", [y, m.Weights(6, 3, 3, 3)])]), ["N", "K"]);
        Classifier model = Load(m);
        Assert.Contains(notes, note => note.Contains("input normalisation inside: mean 0.4", StringComparison.Ordinal));
        Close([0.4f, 0.5f, 0.6f], model.Spec.Mean);
        float[] last = Images(2, 60), first = [.. Enumerable.Range(0, 120).Select(i => last[(i / 60 * 20 + i % 20) * 3 + i / 20 % 3])];
        Tensor images = Tensor.FromArray(device, new(2, 3, 5, 4), first);
        Close(Theirs(2, last, [2, 5, 4, 3]), model.Forward(images, ForwardMode.Inference).Logits.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(500)]
    public void AFixedBatchTakesAnyNumberOfImages(int batch)
    {
        ForeignModel free = Model();
        free.Output(Linear(free, "x"), ["N", Classes]);
        float[] expected = LogitsOf(free, 23);
        ForeignModel bound = new(17, batch, 3, 2, 2);
        bound.Output(Linear(bound, bound.Add("Reshape", ["x", bound.Integers(batch, 3, 2, 2)])), [batch, Classes]);
        Classifier model = Load(bound);
        Close(expected, Logits(model, 23));
        for (int n = 0; n < 3; n++)
            Close(expected[(n * Classes)..((n + 1) * Classes)], Logits(model, Images(23)[(n * Pixels)..((n + 1) * Pixels)]));
    }

    [Theory]
    [InlineData("logits", "probabilities", true)]
    [InlineData("first", "second", false)]
    public void OfTwoCandidatesOneHasToBeNamedLogits(string first, string second, bool isTaken)
    {
        ForeignModel m = Model();
        string y = Linear(m, "x");
        m.Name(y, first);
        m.Name(m.Add("Softmax", [y], ("axis", 1)), second);
        m.Output(second, ["N", Classes]);
        m.Output(first, ["N", Classes]);
        if (!isTaken)
        {
            Assert.Contains($"it has {second} [?, 4], {first} [?, 4]", Refusal(m), StringComparison.Ordinal);
            return;
        }
        Load(m);
        Assert.Contains(notes, note => note.Contains($"of its outputs {second} [?, 4], {first} [?, 4], logits is taken",
            StringComparison.Ordinal));
    }

    [Fact]
    public void FeaturesBesideTheLogitsAreNoCandidate()
    {
        ForeignModel m = Model();
        m.Output(m.Add("Relu", ["x"]), ["N", 3, 2, 2]);
        string logits = m.Output(Linear(m, "x"), ["N", Classes]);
        float[] found = Logits(Load(m), 3);
        Assert.Contains(notes, note => note.EndsWith($"{logits} is taken for the logits", StringComparison.Ordinal));
        Close(Theirs(3, output: 1), found);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnUnknownNumberOfClassesIsFoundOut(bool hasShape)
    {
        ForeignModel m = Model();
        m.Output(Linear(m, "x"), hasShape ? ["N", "K"] : null);
        Classifier model = Load(m);
        Assert.Equal(Classes, model.Spec.Classes);
        Close(Theirs(3), Logits(model, 3));
    }

    [Theory]
    [InlineData("Round")]
    [InlineData("Floor")]
    [InlineData("Ceil")]
    [InlineData("Sign")]
    [InlineData("Cast")]
    public void NodesWithoutAGradientAreNamedAndPassItOnIfAsked(string type)
    {
        ForeignModel m = Model();
        string y = m.Add("Sub", [m.Add("Mul", [m.Add("Relu", ["x"]), m.Floats([], 8)]), m.Floats([], 4)]);
        y = type == "Cast" ? m.Add("Cast", [m.Add("Cast", [y], ("to", 7))], ("to", 1)) : m.Add(type, [y]);
        m.Output(Linear(m, y), ["N", Classes]);
        Classifier masked = Load(m);
        Assert.Contains(notes, note => note.Contains($"{type} node '{type} ", StringComparison.Ordinal)
            && note.Contains("has no gradient", StringComparison.Ordinal) && note.Contains("straight-through", StringComparison.Ordinal));
        Close(Theirs(3), Logits(masked, 3));
        Assert.All(GradientOf(masked), value => Assert.Equal(0, value));
        notes.Clear();
        Classifier open = Load(Model(), new OnnxOptions { StraightThrough = true }, isWritten: true);
        Assert.Contains(notes, note => note.Contains("passes it on unchanged, as asked for", StringComparison.Ordinal));
        float[] sums = [.. Enumerable.Range(0, Pixels).Select(p => 8 * Enumerable.Range(0, Classes).Sum(k => Weights[k * Pixels + p]))];
        Close([.. sums, .. sums, .. sums], GradientOf(open));
    }

    /// <summary>Truth values that are computed with have no gradient that could be passed on; those that choose between values are
    /// fine.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ComparisonsAsNumbersAreNamed(bool areNumbers)
    {
        ForeignModel m = Model();
        string above = m.Add("Greater", ["x", m.Floats([], 0.5f)]);
        string y = areNumbers ? m.Add("Cast", [above], ("to", 1)) : m.Add("Where", [above, "x", m.Floats([], 0.5f)]);
        m.Output(Linear(m, y), ["N", Classes]);
        Close(LogitsOf(m, 3), Theirs(3));
        Assert.Equal(areNumbers, notes.Exists(note => note.Contains("Cast node", StringComparison.Ordinal)
            && note.Contains("no gradient that could be passed on", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("RandomNormalLike")]
    [InlineData("RandomUniformLike")]
    [InlineData("Dropout")]
    public void RandomNodesAreNamed(string type)
    {
        ForeignModel m = Model();
        string y = type == "Dropout"
            ? m.Add("Dropout", ["x", m.Floats([], 0.5f), m.Integers(1)])
            : m.Add("Add", ["x", m.Add(type, ["x"])]);
        m.Output(Linear(m, y), ["N", Classes]);
        Classifier model = Load(m);
        Assert.Contains(notes, note => note.Contains($"{type} node '{type} ", StringComparison.Ordinal)
            && note.Contains("is random", StringComparison.Ordinal));
        Assert.True(model.IsStochastic);
        Assert.NotEqual(Logits(model, 3), Logits(model, 3));
    }

    [Theory]
    [InlineData(0.5f, 0)]
    [InlineData(0f, 1)]
    public void DropoutThatDoesNothingIsNotRandom(float ratio, int isTraining)
    {
        ForeignModel m = Model();
        m.Output(Linear(m, m.Add("Dropout", ["x", m.Floats([], ratio), m.Integers(isTraining)])), ["N", Classes]);
        Classifier model = Load(m);
        Assert.False(model.IsStochastic);
        Assert.DoesNotContain(notes, note => note.Contains("random", StringComparison.Ordinal));
        Assert.Equal(Logits(model, 3), Logits(model, 3));
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(10, false)]
    [InlineData(11, true)]
    public void OtherFloatsAreTaken(int type, bool isRaw)
    {
        ForeignModel m = new(17, "N", 3, 2, 2) { InputType = type };
        float[] weights = [.. Weights.Select(w => (float)(Half)w)];
        string w = type == 10 ? m.Halves([Classes, Pixels], isRaw, weights) : m.Doubles([Classes, Pixels], [.. weights.Select(v =>
            (double)v)]);
        m.Output(m.Add("Gemm", [m.Add("Flatten", ["x"]), w], ("transB", 1)), ["N", Classes], type);
        float[] images = Images(2), found = LogitsOf(m, 2);
        Close([.. Enumerable.Range(0, 2 * Classes).Select(i =>
            Enumerable.Range(0, Pixels).Sum(p => images[i / Classes * Pixels + p] * weights[i % Classes * Pixels + p]))], found);
    }

    [Fact]
    public void ConstantsAmongTheInputsAreNoImages()
    {
        ForeignModel m = new(9, "N", 3, 2, 2) { ListsConstants = true };
        m.Output(Linear(m, "x"), ["N", Classes]);
        Close(LogitsOf(m, 3), Theirs(3));
    }

    /// <summary>A layer as a function of the file, as torch's newer exporter writes it, with an attribute that the call gives.</summary>
    [Fact]
    public void FunctionsOfTheFileAreInlined()
    {
        ForeignModel m = Model();
        m.Function("pkg.torch", "Layer", ["a", "b"], "Gemm", ("transB", "@isTurned"), ("alpha", 2f));
        m.Output(m.Add("pkg.torch:Layer", [m.Add("Flatten", ["x"]), m.Floats([Classes, Pixels], Weights)], ("isTurned", 1)), ["N",
            Classes]);
        float[] images = Images(3);
        Close([.. Enumerable.Range(0, 3 * Classes).Select(i => 2 * Enumerable.Range(0, Pixels).Sum(p =>
            images[i / Classes * Pixels + p] * Weights[i % Classes * Pixels + p]))], LogitsOf(m, 3));
    }

    [Fact]
    public void FunctionsThatCallThemselvesAreRefused()
    {
        ForeignModel m = Model();
        m.Function("own", "Loop", ["a"], "own:Loop");
        m.Output(m.Add("own:Loop", ["x"]), ["N", Classes]);
        Assert.Contains("function own.Loop calls itself", Refusal(m), StringComparison.Ordinal);
    }

    /// <summary>Exporters keep equal tensors once: layers that share some of theirs must not share what is computed from them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LayersThatShareTensorsStayApart(bool isConvolution)
    {
        ForeignModel m = Model();
        string weight = m.Weights(3, 3, 1, 1), gamma = m.Weights(3), beta = m.Weights(3), mean = m.Weights(3);
        string y = "x";
        for (int layer = 0; layer < 3; layer++)
        {
            y = isConvolution ? m.Add("Conv", [y, weight]) : m.Add("Tanh", [y]);
            y = m.Add("BatchNormalization", [y, gamma, beta, mean, m.Weights(1 + layer, [3])]);
        }
        m.Output(Linear(m, y), ["N", Classes]);
        Close(LogitsOf(m, 3), Theirs(3));
    }

    private static ForeignModel Model(int opset = 17) => new(opset, "N", 3, 2, 2);

    private static float[] Weights { get; } = [.. Enumerable.Range(0, Classes * Pixels).Select(i => i * 37 % 101 / 101f - 0.4f)];

    private static string Linear(ForeignModel m, string x) =>
        m.Add("Gemm", [m.Add("Flatten", [x]), m.Floats([Classes, Pixels], Weights), m.Floats([Classes], 0.1f, -0.2f, 0.3f, 0)], ("transB",
            1));

    private static void Normalized(ForeignModel m, string kind, out float[] mean, out float[] std)
    {
        mean = kind == "one number" ? [0.5f, 0.5f, 0.5f] : [0.4f, 0.5f, 0.6f];
        std = kind == "one number" ? [0.25f, 0.25f, 0.25f] : [0.2f, 0.25f, 0.5f];
        int[] shape = kind == "channels of 4 dimensions" ? [1, 3, 1, 1] : kind == "one number" ? [] : [3, 1, 1];
        float[] center = kind == "one number" ? mean[..1] : mean, width = kind == "one number" ? std[..1] : std;
        float[] factors = [.. width.Select(s => 1 / s)], terms = [.. center.Zip(width, (a, s) => -a / s)];
        string y = kind switch
        {
            "factor and term" => m.Add("Add", [m.Add("Mul", [m.Floats(shape, factors), "x"]), m.Floats(shape, terms)]),
            "four steps" => m.Add("Div", [m.Add("Sub", [m.Add("Div", [m.Add("Mul", ["x", m.Floats([], 255f)]), m.Floats([1], 255f)]),
                m.Floats(shape, center)]), m.Floats(shape, width)]),
            _ => m.Add("Div", [m.Add("Sub", ["x", m.Floats(shape, center)]), m.Floats(shape, width)]),
        };
        m.Output(Linear(m, y), ["N", Classes]);
    }

    private Classifier Load(ForeignModel m, OnnxOptions? options = null, bool isWritten = false)
    {
        if (!isWritten)
            File.WriteAllBytes(FilePath, m.Written());
        return Classifier.FromOnnx(device, FilePath, (options ?? new()) with { Note = notes.Add });
    }

    private string Refusal(ForeignModel m)
    {
        string message = Assert.Throws<UserErrorException>(() => Load(m)).Message;
        Assert.StartsWith($"{FilePath}: ", message, StringComparison.Ordinal);
        return message;
    }

    private static float[] Images(int count, int pixels = Pixels)
    {
        float[] values = new float[count * pixels];
        Philox.FillUniform(values, new RandomKey(5, RandomPurpose.Test), 0.02f, 0.98f);
        return values;
    }

    private float[] LogitsOf(ForeignModel m, int count) => Logits(Load(m), count);

    private float[] Logits(Classifier model, int count) => Logits(model, Images(count));

    private float[] Logits(Classifier model, float[] images) =>
        model.Forward(Tensor.FromArray(device, new(images.Length / Pixels, 3, 2, 2), images), ForwardMode.Inference).Logits.ToArray();

    private float[] GradientOf(Classifier model)
    {
        Tensor images = Tensor.FromArray(device, new(3, 3, 2, 2), Images(3), requiresGrad: true);
        return Gradient.Of(model.Forward(images, ForwardMode.Inference).Logits.Sum(), images)[0].ToArray();
    }

    /// <summary>An output of the file in ONNX Runtime.</summary>
    private float[] Theirs(int count, float[]? images = null, long[]? sizes = null, int output = 0)
    {
        using InferenceSession session = new(FilePath);
        using OrtValue given = OrtValue.CreateTensorValueFromMemory(images ?? Images(count), sizes ?? [count, 3, 2, 2]);
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, ["x"], [given], session.OutputNames);
        return results[output].GetTensorDataAsSpan<float>().ToArray();
    }

    private static void Close(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        float largest = expected.Max(Math.Abs);
        Assert.All(expected.Zip(found), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= 1e-5f * largest,
            $"{pair.Second} for {pair.First}"));
    }
}
