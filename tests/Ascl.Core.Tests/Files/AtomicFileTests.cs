using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Xunit;

namespace Ascl.Core.Tests.Files;

/// <summary>A killed writer and a full disk, which need a process of their own, are in Ascl.Cli.Tests.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string path;

    public AtomicFileTests() => path = directory.File("state");

    public void Dispose() => directory.Dispose();

    [Fact]
    public void WritesANewFileAndReplacesAnOldOne()
    {
        AtomicFile.WriteText(path, "first, the longer one");
        AtomicFile.WriteText(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Equal(["state"], directory.FileNames);
    }

    public static TheoryData<Exception> Failures =>
        [new IOException("No space left on device"), new OperationCanceledException(), new InvalidOperationException()];

    [Theory]
    [MemberData(nameof(Failures))]
    public void FailureInTheMiddleKeepsTheOldFileAndLeavesNoTemporary(Exception failure)
    {
        AtomicFile.WriteText(path, "old");
        Exception? thrown = Record.Exception(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[1_000_000]);
            throw failure;
        }));
        Assert.Same(failure, thrown is UserErrorException ? thrown.InnerException : thrown);
        Assert.Equal(failure is IOException, thrown is UserErrorException);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["state"], directory.FileNames);
    }

    [Fact]
    public void OldFileIsWholeWhileTheNewOneIsBeingWritten()
    {
        AtomicFile.WriteText(path, "old");
        AtomicFile.Write(path, stream =>
        {
            stream.Write("new"u8);
            stream.Flush();
            Assert.Equal("old", File.ReadAllText(path));
        });
        Assert.Equal("new", File.ReadAllText(path));
    }

    [Fact]
    public void FullDeviceIsOneLineNamingTheFile()
    {
        if (!File.Exists("/dev/full"))
            return;
        UserErrorException e = Assert.Throws<UserErrorException>(() => AtomicFile.WriteText("/dev/full", "text"));
        Assert.Equal("cannot write /dev/full: No space left on device", e.Message);
    }

    [Fact]
    public void ADeviceIsWrittenAndNotReplaced()
    {
        if (!File.Exists("/dev/null"))
            return;
        AtomicFile.WriteText("/dev/null", "text");
        Assert.Empty(File.ReadAllBytes("/dev/null"));
    }

    [Fact]
    public void MissingDirectoryIsNamed()
    {
        string missing = directory.File("nowhere/state");
        Assert.Equal($"cannot write {missing}: no such directory",
            Assert.Throws<UserErrorException>(() => AtomicFile.WriteText(missing, "")).Message);
    }

    [Fact]
    public void ADirectoryIsNotReplaced()
    {
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "content"), "kept");
        Assert.StartsWith($"cannot write {path}: ", Assert.Throws<UserErrorException>(() => AtomicFile.WriteText(path, "")).Message);
        Assert.Equal("kept", File.ReadAllText(Path.Combine(path, "content")));
        Assert.Empty(directory.FileNames);
    }

    [Fact]
    public void EmptyPathIsAUserError() =>
        Assert.Equal("cannot write : not a path", Assert.Throws<UserErrorException>(() => AtomicFile.WriteText("", "")).Message);

    [Fact]
    public void ALinkKeepsPointingToTheReplacedFile()
    {
        string link = directory.File("link");
        AtomicFile.WriteText(path, "old");
        File.CreateSymbolicLink(link, path);
        AtomicFile.WriteText(link, "new");
        Assert.Equal("new", File.ReadAllText(path));
        Assert.NotNull(new FileInfo(link).LinkTarget);
    }

    [Fact]
    public void RemovesAnAbandonedTemporaryButNotOneBeingWrittenOrAnotherFiles()
    {
        string abandoned = $"state.{new string('a', 32)}.tmp", other = $"other.{new string('a', 32)}.tmp", notOurs = "state.tmp";
        foreach (string name in (string[])[abandoned, other, notOurs])
            File.WriteAllText(directory.File(name), "left");
        AtomicFile.Write(path, outer =>
        {
            string busy = Assert.Single(directory.FileNames, name => name.StartsWith("state.") && name != notOurs);
            AtomicFile.WriteText(path, "inner");
            Assert.Contains(busy, directory.FileNames);
            outer.Write("outer"u8);
        });
        Assert.Equal("outer", File.ReadAllText(path));
        Assert.Equal(new[] { other, "state", notOurs }.Order(), directory.FileNames);
    }
}
