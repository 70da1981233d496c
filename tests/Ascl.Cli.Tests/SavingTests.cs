using System.Diagnostics;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Saved files survive a killed process and a full disk.</summary>
public sealed class SavingTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");
    private readonly string path;

    public SavingTests()
    {
        path = Path.Combine(directory.FullName, "last.safetensors");
        File.WriteAllText(path, "the old file");
    }

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void KilledWriterKeepsTheOldFileAndTheNextWriterCleansUp()
    {
        ProcessStartInfo start = ChildProcess.Start("hang-while-writing", path);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        Assert.Equal("half written", process.StandardOutput.ReadLine());
        process.Kill();
        process.WaitForExit();
        Assert.Equal("the old file", File.ReadAllText(path));
        Assert.Equal(2, directory.GetFiles().Length);
        Assert.Equal(0, AsclProcess.Run(ChildProcess.Start("save-a-megabyte", path)).ExitCode);
        Assert.Equal([path], directory.GetFiles().Select(file => file.FullName));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([1 << 18], file.Shape("weights"));
    }

    [Fact]
    public void FileSizeLimitIsAOneLineErrorAndKeepsTheOldFile()
    {
        if (OperatingSystem.IsWindows())
            return;
        // 64 blocks of 1024 bytes. The trap makes the write fail instead of the system killing the process. The runtime itself would not
        // start with W^X, because that uses a file for executable memory.
        const string limit = "trap '' XFSZ; ulimit -f 64; export DOTNET_EnableWriteXorExecute=0";
        ProcessStartInfo child = ChildProcess.Start("save-a-megabyte", path);
        ProcessResult result =
            AsclProcess.Run(new ProcessStartInfo("bash", ["-c", $"{limit}; exec \"$@\"", "bash", child.FileName, .. child.ArgumentList]));
        Assert.Equal(ChildProcess.UserErrorExitCode, result.ExitCode);
        Assert.Equal($"cannot write {path}: file too large\n", result.Error);
        Assert.Equal("the old file", File.ReadAllText(path));
        Assert.Single(directory.GetFiles());
    }

    [Fact]
    public void FullDiskIsAOneLineErrorAndKeepsTheOldFile()
    {
        // A file system of 64 kB in a mount namespace of its own, if the system allows this user to create one.
        string mount = $"mount -t tmpfs -o size=64k tmpfs {directory.FullName} && printf 'the old file' > {path}";
        if (OperatingSystem.IsWindows() || AsclProcess.Run(new ProcessStartInfo("unshare", ["-rm", "sh", "-c", mount])).ExitCode != 0)
            return;
        ProcessStartInfo child = ChildProcess.Start("save-a-megabyte", path);
        string script = $"{mount} && {{ \"$@\"; echo $?; cat {path}; ls {directory.FullName}; }}";
        ProcessResult result =
            AsclProcess.Run(new ProcessStartInfo("unshare", ["-rm", "bash", "-c", script, "bash", child.FileName, .. child.ArgumentList]));
        Assert.Equal($"cannot write {path}: No space left on device\n", result.Error);
        Assert.Equal($"{ChildProcess.UserErrorExitCode}\nthe old filelast.safetensors\n", result.Output);
    }
}
