using System.Diagnostics;
using System.Globalization;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Xunit.Abstractions;

namespace Ascl.Models.Tests.Onnx;

/// <summary>
/// Damaged ONNX files are refused in one line, or work: no other error, no crash, no memory beyond what sizes allow, no file written.
/// ASCL_MUTATIONS=20000 sets the number of cases, ASCL_MUTATION_SEED=3 begins with others, ASCL_MUTATION_CASE=17 runs that one case only.
/// Where a case ends the process, its file is left in a folder ascl-mutations… of the temporary folder.
/// </summary>
public sealed class OnnxMutationTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Managed memory that a case may take in all, and the device's.</summary>
    private const long MostManaged = 4L << 30, MostOnDevice = 8L << 30;

    private const int Cases = 600, MostFaults = 25;

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
        int seed = Setting("ASCL_MUTATION_SEED", 1), count = Setting("ASCL_MUTATIONS", Cases), only = Setting("ASCL_MUTATION_CASE", -1);
        (string Name, Mutant Mutant)[] models = [.. Models()];
        List<string> faults = [];
        Dictionary<string, int> messages = [];
        int loaded = 0;
        (double Seconds, string Case) slowest = (0, "");
        for (int i = Math.Max(0, only); i < (only < 0 ? count : only + 1) && faults.Count < MostFaults; i++)
        {
            var (name, mutant) = models[i % models.Length];
            string file = Path.Combine(folder, $"seed {seed} case {i} of {name.Replace('/', ' ')}.onnx");
            File.WriteAllBytes(file, mutant.Changed(new Random(HashCode(seed, i))));
            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch watch = Stopwatch.StartNew();
            string? fault = null;
            try
            {
                Pass(file);
                loaded++;
            }
            catch (UserErrorException e)
            {
                fault = e.Message.Contains('\n', StringComparison.Ordinal) ? $"a message of several lines: {e.Message}" : null;
                string kind = Kind(e.Message[Math.Min(e.Message.Length, file.Length)..]);
                messages[kind] = messages.GetValueOrDefault(kind) + 1;
            }
            catch (Exception e)
            {
                string where = string.Join(" < ", (e.StackTrace ?? "").Split('\n').Take(6).Select(line => line.Trim()));
                fault = $"{e.GetType().Name}: {e.Message} {where}";
            }
            slowest = watch.Elapsed.TotalSeconds > slowest.Seconds ? (watch.Elapsed.TotalSeconds, $"{i} of {name}") : slowest;
            long managed = GC.GetAllocatedBytesForCurrentThread() - before, onDevice = device.Pool.AllocatedBytes;
            if (managed > MostManaged || onDevice > MostOnDevice)
                fault ??= $"{managed >> 20} MB managed, {onDevice >> 20} MB on the device";
            if (fault is not null)
                faults.Add($"seed {seed}, case {i} of {name}: {fault}");
            if (onDevice > 1 << 28)
            {
                device.Dispose();
                device = new(1);
            }
            File.Delete(file);
            if (Directory.EnumerateFileSystemEntries(folder).Any())
                faults.Add($"seed {seed}, case {i} of {name}: a file was written");
        }
        output.WriteLine($"{loaded} work, slowest case {slowest.Case}: {slowest.Seconds:f1} s");
        foreach (var (kind, times) in messages.OrderByDescending(message => message.Value))
            output.WriteLine($"{times,6}{kind}");
        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.True(only >= 0 || loaded > count / 10, $"only {loaded} of {count} cases work, so most paths are not tried");
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

    /// <summary>A message without its names and numbers.</summary>
    private static string Kind(string message)
    {
        string plain = new([.. message.Where(c => !char.IsAsciiDigit(c) && c is not ('-' or ',' or '?'))]);
        return string.Join('…', plain.Split('\'').Where((_, i) => i % 2 == 0));
    }

    private static int HashCode(int seed, int i) => unchecked(seed * 1_000_003 + i * 7919);

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
