namespace Ascl.Cli.Tests;

/// <summary>ascl convert, and PyTorch checkpoints as weights.</summary>
public sealed class ConvertTests(TrainedRun trained) : IClassFixture<TrainedRun>, IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-convert").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>A run's weights go to PyTorch and back with all that is known of them: the network, the images of the training.</summary>
    [Fact]
    public void WeightsGoToPyTorchAndBack()
    {
        string best = Path.Combine(trained.Path, "best.safetensors"), torch = InFolder("weights.pt"), back = InFolder("back.safetensors"),
            onnx = InFolder("model.onnx");
        foreach (string[] files in new string[][] { [best, torch], [torch, back], [torch, onnx] })
        {
            ProcessResult result = AsclProcess.Run(["convert", .. files]);
            Assert.True(result.ExitCode == 0, result.Error);
            Assert.StartsWith($"Wrote {files[1]}: ", result.Output, StringComparison.Ordinal);
        }
        Assert.Equal(File.ReadAllBytes(best), File.ReadAllBytes(back));
        string[] command = ["evaluate", "--data", "sample", "--attack", "fgsm", "--limit", "60"];
        string[] lines = Lines(best);
        Assert.Contains(lines, line => line.StartsWith("FGSM", StringComparison.Ordinal));
        Assert.Equal(lines, Lines(torch));

        // Without the run time, the last column.
        string[] Lines(string weights) => [.. AsclProcess.Run([.. command, "--weights", weights]).Output.Split('\n')
            .Where(line => line.StartsWith("none", StringComparison.Ordinal) || line.StartsWith("FGSM", StringComparison.Ordinal))
            .Select(line => line[..line.LastIndexOf(' ')])];
    }

    [Fact]
    public void WrongArgumentsAreOneLineErrors()
    {
        string best = Path.Combine(trained.Path, "best.safetensors");
        Refused("does not end in .safetensors, .pt, .pth", best, InFolder("model.bin"));
        Refused("no tensors 'ema.…'", $"{best}#ema", InFolder("ema.pt"));
        Refused("is the file to read, too", best, best);
        Refused("--model and --normalize are for .onnx", best, InFolder("model.pt"), "--model", "resnet18");
        Refused("no such file", InFolder("none.pt"), InFolder("model.pt"));
        Assert.Empty(Directory.GetFiles(folder));

        void Refused(string expected, params string[] arguments) =>
            Assert.Contains(expected, AsclProcess.RefusalInProcess(["convert", .. arguments]), StringComparison.Ordinal);
    }

    private string InFolder(string name) => Path.Combine(folder, name);
}
