using System.Globalization;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Core.Files;
using Ascl.Kernels.Normalize;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Contrastive;

/// <summary>
/// Losses, gradients and selections computed in float64 by an independent implementation: every strategy, distance and temperature.
/// </summary>
public sealed class ContrastiveGoldenTests
{
    [Theory]
    [InlineData("ascl_loss_small", 60)]
    [InlineData("ascl_loss_batch64", 60)]
    [InlineData("ascl_loss_lkinf", 20)]
    public void Losses_and_gradients_are_those_of_the_file(string name, int cases)
    {
        using CpuDevice device = new(2);
        CheckLosses(name, cases, device, _ => true);
    }

    internal static void CheckLosses(string name, int count, Device device, Func<string, bool> isChosen)
    {
        using SafetensorsFile file = Open(name);
        int[] shape = file.Shape("hidden");
        (int n, int d) = (shape[0], shape[1]);
        DeviceBuffer<int> labels = device.Upload<int>(Integers(file, "labels"));
        DeviceBuffer<int> predictions = device.Upload<int>(Integers(file, "predictions"));
        string[] cases = [.. file.Names.Where(entry => entry.EndsWith(".loss")).Select(entry => entry[..^5])];
        Assert.Equal(count, cases.Length);
        foreach (string title in cases.Where(isChosen))
        {
            string[] parts = title.Split('.', 4);
            bool normalized = parts[1] == "cosine" || parts[2] == "normalized";
            RowDistance distance = parts[1] == "cosine" ? RowDistance.Dot : Enum.Parse<RowDistance>(parts[1], ignoreCase: true);
            float temperature = float.Parse(parts[3].AsSpan(3), CultureInfo.InvariantCulture);
            ContrastiveGeometry g = new(n, d, Enum.Parse<SelectionStrategy>(parts[0], ignoreCase: true), distance, temperature);

            DeviceBuffer<float> hidden = device.Upload<float>(file.ReadFloats("hidden")), rows = hidden, norms = device.Allocate<float>(n);
            if (normalized)
                NormalizeKernels.Forward(n, d, hidden, rows = device.Allocate<float>(n * d), norms);
            DeviceBuffer<float> loss = device.Allocate<float>(1), state = device.Allocate<float>(g.StateLength);
            DeviceBuffer<float> gradient = device.Allocate<float>(n * d), dRows = gradient;
            ContrastiveKernels.Forward(g, rows, labels, predictions, loss, state);
            ContrastiveKernels.Backward(g, rows, labels, predictions, state, device.Upload<float>([1]), dRows);
            if (normalized)
                NormalizeKernels.Backward(n, d, rows, norms, dRows, gradient = device.Allocate<float>(n * d));

            Tolerance.Close(file.ReadDoubles(title + ".loss"), loss.ToArray(), 1e-5, title + ".loss");
            Tolerance.Close(file.ReadDoubles(title + ".grad"), gradient.ToArray(), 1e-5, title + ".grad");
        }
    }

    [Theory]
    [InlineData("ascl_loss_small")]
    [InlineData("ascl_loss_batch64")]
    [InlineData("ascl_loss_lkinf")]
    public void Selections_are_those_of_the_file(string name)
    {
        using SafetensorsFile file = Open(name);
        using CpuDevice device = new(2);
        DeviceBuffer<int> labels = device.Upload<int>(Integers(file, "labels"));
        DeviceBuffer<int> predictions = device.Upload<int>(Integers(file, "predictions"));
        foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
        {
            string title = strategy.ToString().ToLowerInvariant();
            var (positives, negatives) = ContrastiveKernels.CountPairsOfEach(strategy, labels, predictions);
            Assert.Equal(Integers(file, title + ".positives"), positives);
            Assert.Equal(Integers(file, title + ".negatives"), negatives);
        }
    }

    private static SafetensorsFile Open(string name) =>
        SafetensorsFile.Open(Path.Combine(AppContext.BaseDirectory, "fixtures", name + ".safetensors"));

    private static int[] Integers(SafetensorsFile file, string name) => [.. file.ReadIntegers(name).Select(value => checked((int)value))];
}
