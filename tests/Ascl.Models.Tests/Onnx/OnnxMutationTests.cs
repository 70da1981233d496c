using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Testing;
using Xunit.Abstractions;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Damaged ONNX files (<see cref="MutationRun"/>). Where a case ends the process, its file is left in a folder ascl-mutations… of
/// the temporary folder.</summary>
public sealed class OnnxMutationTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Memory of the device that a case may take in all, and beyond which the next one gets another device.</summary>
    private const long MostOnDevice = 8L << 30, KeptOnDevice = 1L << 28;

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-mutations").FullName;
    private CpuDevice device = new(1);

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void DamagedFilesAreRefusedOrWork()
    {
        (string Name, Mutant Mutant)[] models = [.. Models()];
        new MutationRun(output, cases: 600, mostManaged: 4L << 30, readAtLeast: 10).Run(Write, Pass, Check);

        string Write(int i, Random random)
        {
            var (name, mutant) = models[i % models.Length];
            string file = Path.Combine(folder, $"case {i} of {name.Replace('/', ' ')}.onnx");
            File.WriteAllBytes(file, mutant.Changed(random));
            return file;
        }
    }

    private string? Check(string file)
    {
        File.Delete(file);
        long onDevice = device.Pool.AllocatedBytes;
        if (onDevice > KeptOnDevice)
        {
            device.Dispose();
            device = new(1);
        }
        return onDevice > MostOnDevice ? $"{onDevice >> 20} MB on the device"
            : Directory.EnumerateFileSystemEntries(folder).Any() ? "a file was written"
            : null;
    }

    /// <summary>Two images through the network and back.</summary>
    private void Pass(string file)
    {
        using IDisposable scope = device.Pool.BeginScope();
        Classifier model = Classifier.FromOnnx(device, file);
        var (height, width) = model.ImageSize ?? (32, 32);
        Shape shape = new(2, model.Spec.Channels, height, width);
        float[] pixels = new float[shape.Length];
        Philox.FillUniform(pixels, new RandomKey(1, RandomPurpose.Test), 0, 1);
        Tensor images = Tensor.FromArray(device, shape, pixels, requiresGrad: true);
        Tensor logits = model.Forward(images, ForwardMode.Inference).Logits;
        Assert.Equal(2, logits.Shape[0]);
        Assert.Equal(shape, Gradient.Of(logits.Sum(), images)[0].Shape);
    }

    private static IEnumerable<(string Name, Mutant Mutant)> Models()
    {
        string folder = Directory.CreateTempSubdirectory("ascl-mutated").FullName;
        try
        {
            foreach (var (name, one) in OnnxOperatorCases.All)
            {
                ForeignModel written = new(one.Opset, ["N", .. one.Image.Cast<object>()]);
                one.Build(written);
                string path = Path.Combine(folder, "model.onnx");
                File.WriteAllBytes(path, written.Written());
                yield return (name, new(File.ReadAllBytes(path), path));
            }
            // Each as often as some twenty of the others.
            foreach (string name in Enumerable.Repeat<string[]>(["odd_ops", "channels_last", "convnext"], 20).SelectMany(names => names))
                yield return (name, new(File.ReadAllBytes(Made.OnnxFixture(name)), Made.OnnxFixture(name)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
