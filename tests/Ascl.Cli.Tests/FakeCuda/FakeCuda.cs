using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace Ascl.Cli.Tests.FakeCuda;

/// <summary>A test on the fake driver; skipped if there is no C compiler to build it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FakeCudaFactAttribute : FactAttribute
{
    public FakeCudaFactAttribute() => Skip = FakeCuda.IsBuilt ? null : "no C compiler (cc) to build the fake driver";
}

/// <inheritdoc cref="FakeCudaFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FakeCudaTheoryAttribute : TheoryAttribute
{
    public FakeCudaTheoryAttribute() => Skip = new FakeCudaFactAttribute().Skip;
}

/// <summary>Builds the driver of fake-cuda.c once, if there is a C compiler, and runs the program on it.</summary>
internal static class FakeCuda
{
    private static readonly Lazy<string?> Folder = new(Build);

    public static bool IsBuilt => Folder.Value is not null;

    /// <summary>Runs the program on the fake GPU, and counts how often each kernel was launched, by itself and in graphs; under "graphs",
    /// how many graphs were created and how often they were launched; under "waits", how often the host waited for the stream.</summary>
    public static (ProcessResult Result, Dictionary<string, (long Single, long Replayed)> Launches) Run(
        long memory, params string[] arguments) => Run(memory, graphs: true, tensorCores: true, arguments);

    /// <param name="graphs">Whether the driver can capture.</param>
    /// <param name="tensorCores">Whether it can load the native kernels.</param>
    public static (ProcessResult Result, Dictionary<string, (long Single, long Replayed)> Launches) Run(
        long memory, bool graphs, bool tensorCores, params string[] arguments)
    {
        string log = Path.GetTempFileName();
        ProcessStartInfo start = new("dotnet", [AsclProcess.Program, .. arguments]);
        start.Environment["LD_LIBRARY_PATH"] = Folder.Value;
        start.Environment["FAKE_CUDA_LOG"] = log;
        start.Environment["FAKE_CUDA_MEMORY"] = $"{memory}";
        if (!tensorCores)
            start.Environment["FAKE_CUDA_NO_TENSOR_CORES"] = "1";
        start.Environment["FAKE_CUDA_GRAPHS"] = graphs ? "1" : "0";
        ProcessResult result = AsclProcess.Run(start);
        var launches = File.ReadLines(log).Select(line => line.Split(' ')).GroupBy(p => p[0])
            .ToDictionary(g => g.Key, g => (g.Sum(p => Number(p[1])), g.Sum(p => Number(p[2]))));
        File.Delete(log);
        return (result, launches);
    }

    private static long Number(string text) => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static string? Build()
    {
        string folder = Directory.CreateTempSubdirectory("ascl-fake-cuda").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        try
        {
            ProcessResult result = AsclProcess.Run(
                new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O1", "-o", Path.Combine(folder, "libcuda.so.1"), Source()]));
            return result.ExitCode == 0 ? folder : throw new InvalidOperationException(result.Error);
        }
        catch (Win32Exception)
        {
            // No C compiler.
            return null;
        }
    }

    private static string Source([CallerFilePath] string file = "") => Path.Combine(Path.GetDirectoryName(file)!, "fake-cuda.c");
}
