using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>A run of natural training that takes a few seconds, shared by the tests of a class; they must not change it.</summary>
public sealed class TrainedRun : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-run").FullName;

    public TrainedRun()
    {
        Path = System.IO.Path.Combine(folder, "run");
        ProcessResult trained = AsclProcess.Run(
            "train", "--method", "natural", "--limit-train", "1500", "--limit-test", "20", "--validation", "0", "--epochs", "2", "--out",
                Path);
        Assert.True(trained.ExitCode == 0, trained.Error);
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
