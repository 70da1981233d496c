using System.Diagnostics;

namespace Ascl.Architecture.Tests;

/// <summary>Generated files are exactly what their generators write.</summary>
public sealed class GeneratedCodeTests
{
    [Fact]
    public void MicroKernelsMatchTheGeneratorsOutput()
    {
        string folder = Path.Combine(SourceTree.Root, "src/Ascl.Kernels/Gemm");
        string[] written = Lines(Run(Path.Combine(folder, "generate-microkernels.cs")));
        string[] kept = Lines(File.ReadAllText(Path.Combine(folder, "MicroKernels.cs")));
        int different = Enumerable.Range(0, Math.Max(written.Length, kept.Length))
            .FirstOrDefault(i => written.ElementAtOrDefault(i) != kept.ElementAtOrDefault(i), -1);
        Assert.True(different < 0,
            $"src/Ascl.Kernels/Gemm/MicroKernels.cs:{different + 1}: '{kept.ElementAtOrDefault(different)}', "
            + $"but generate-microkernels.cs writes '{written.ElementAtOrDefault(different)}'; "
            + "run the generator again, as its first line says");
    }

    private static string[] Lines(string text) => text.ReplaceLineEndings("\n").Split('\n');

    private static string Run(string program)
    {
        ProcessStartInfo start = new("dotnet", ["run", program]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // What the test runner's own build left in the environment would lead another build astray.
        string[] inherited = [.. start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))];
        foreach (string name in inherited)
            start.Environment.Remove(name);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program}: exit code {process.ExitCode}\n{output}\n{error.Result}");
        return output;
    }
}
