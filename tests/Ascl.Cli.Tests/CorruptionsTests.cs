using System.Text;
using System.Text.Json.Nodes;
using Ascl.Data;

namespace Ascl.Cli.Tests;

/// <summary>evaluate --corruptions, on a directory like CIFAR-10-C of the sample's test images.</summary>
public sealed class CorruptionsTests(TrainedRun trained) : IClassFixture<TrainedRun>, IDisposable
{
    private const int Count = 40, Severities = 5;

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-corruptions").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void AccuracyOfEachCorruptionAndSeverityIsReportedAndResumed()
    {
        string images = Path.Combine(folder, "SAMPLE-C"), result = Path.Combine(folder, "out");
        Write(images, "unchanged", (pixel, _) => pixel);
        Write(images, "dark", (pixel, severity) => (byte)(pixel / (1 + severity * severity * 8)));
        string[] command = ["evaluate", "--weights", trained.Path, "--data", "sample", "--attack", "fgsm", "--limit", $"{Count}",
            "--corruptions", images, "--out", result];
        ProcessResult first = AsclProcess.Run(command);
        Assert.True(first.ExitCode == 0, first.Error);
        Assert.Contains("SAMPLE-C: accuracy on 40 images of each corruption and severity", first.Output, StringComparison.Ordinal);
        JsonNode report = Report(result);
        JsonArray corruptions = report["corruptions"]!["corruptions"]!.AsArray();
        Assert.Equal(["dark", "unchanged"], corruptions.Select(one => one!["name"]!.GetValue<string>()));
        double clean = report["clean_accuracy"]!.GetValue<double>();
        double[] dark = Accuracies(corruptions[0]!);
        Assert.Equal(Enumerable.Repeat(clean, Severities), Accuracies(corruptions[1]!));
        // Severity 1 leaves the images as they are here; the last ones are nearly black.
        Assert.Equal(clean, dark[0]);
        Assert.True(dark[^1] < clean, $"{dark[^1]} of nearly black images are right, {clean} of the clean ones");
        Assert.Equal((dark.Average() + clean) / 2, report["corruptions"]!["mean_accuracy"]!.GetValue<double>(), 12);
        Assert.Contains("severity 5 %", File.ReadAllText(Path.Combine(result, "report.html")), StringComparison.Ordinal);

        // A corruption that comes later is measured alone.
        Write(images, "inverted", (pixel, _) => (byte)(255 - pixel));
        ProcessResult second = AsclProcess.Run(command);
        Assert.True(second.ExitCode == 0, second.Error);
        Assert.Equal(["dark", "inverted", "unchanged"],
            Report(result)["corruptions"]!["corruptions"]!.AsArray().Select(one => one!["name"]!.GetValue<string>()));
        Assert.Contains("already holds this evaluation", AsclProcess.Run(command).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherDirectoriesAreRefusedInOneLine()
    {
        string images = Path.Combine(folder, "images");
        Refused("no such directory");
        Directory.CreateDirectory(images);
        Refused("is a directory without .npy files");
        Write(images, "a", (pixel, _) => pixel);
        File.Delete(Path.Combine(images, "labels.npy"));
        Refused("needs labels.npy");
        WriteArray(Path.Combine(images, "labels.npy"), "<i8", "(7,)", new byte[56]);
        Refused("200 images of each corruption, but 7 labels");

        void Refused(string expected) => Assert.Contains(expected, AsclProcess.Refusal(
            "evaluate", "--weights", trained.Path, "--data", "sample", "--corruptions", images), StringComparison.Ordinal);
    }

    private static double[] Accuracies(JsonNode corruption) =>
        [.. corruption["accuracies"]!.AsArray().Select(one => one!.GetValue<double>())];

    private static JsonNode Report(string result) => JsonNode.Parse(File.ReadAllText(Path.Combine(result, "report.json")))!;

    /// <summary>Writes the first test images of the sample, changed for severities 0 to 4, and their labels.</summary>
    private static void Write(string images, string name, Func<byte, int, byte> change)
    {
        Directory.CreateDirectory(images);
        ImageSet test = DataSource.Open("sample").Test.Take(Count);
        float[] image = new float[test.ImageLength];
        MemoryStream pixels = new(), labels = new();
        for (int severity = 0; severity < Severities; severity++)
        {
            for (int i = 0; i < Count; i++)
            {
                test.CopyImage(i, image);
                pixels.Write([.. image.Select(pixel => change((byte)MathF.Round(pixel * 255), severity))]);
                labels.Write(BitConverter.GetBytes((long)test.Labels[i]));
            }
        }
        WriteArray(Path.Combine(images, $"{name}.npy"), "|u1", $"({Severities * Count}, 28, 28)", pixels.ToArray());
        WriteArray(Path.Combine(images, "labels.npy"), "<i8", $"({Severities * Count},)", labels.ToArray());
    }

    private static void WriteArray(string path, string type, string shape, byte[] data)
    {
        byte[] header = Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}");
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. data]);
    }
}
