using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Ascl.Kernels.Cuda;
using Ascl.Testing.Ptx;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

/// <summary>A test that asks NVIDIA's assembler; reported as skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PtxasTheoryAttribute : TheoryAttribute
{
    public PtxasTheoryAttribute() =>
        Skip = TensorCorePtxTests.Assemble("--version") is null ? "no ptxas on the PATH (it comes with CUDA)" : null;
}

/// <summary>The PTX that is embedded: whether it is of the sources beside it, and in order.</summary>
public sealed partial class TensorCorePtxTests
{
    public static TheoryData<string> Files { get; } = new(NativeKernel.Files);

    /// <summary>
    /// Its first line names its sources: SHA-256 of the SHA-256 of the *.cu and of every *.cuh, by path, as cmake/build-ptx.cmake has it.
    /// </summary>
    [Theory, MemberData(nameof(Files))]
    public void HashIsThatOfTheSources(string file)
    {
        string root = Root(), source = Directory.GetFiles(root, file + ".cu", SearchOption.AllDirectories).Single();
        IEnumerable<string> headers = Directory.GetFiles(root, "*.cuh", SearchOption.AllDirectories)
            .OrderBy(path => Path.GetRelativePath(root, path), StringComparer.Ordinal);
        string hashes = string.Concat(headers.Prepend(source).Select(path => Hash(File.ReadAllBytes(path))));
        Assert.True(NativeKernel.Ptx(file).StartsWith($"// sources {Hash(Encoding.ASCII.GetBytes(hashes))}\n", StringComparison.Ordinal),
            $"{source} or a header has changed since its PTX was made: cmake -S cmake -B build/cmake && cmake --build "
            + $"build/cmake --target update-ptx");
        Assert.Equal(NativeKernel.Ptx(file), File.ReadAllText(Path.ChangeExtension(source, ".ptx")));
    }

    [Theory, MemberData(nameof(Files))]
    public void HasNoForbiddenInstructionsAndUsesTensorCores(string file)
    {
        string ptx = NativeKernel.Ptx(file);
        Assert.Contains(".target sm_80", ptx, StringComparison.Ordinal);
        Assert.Equal([], PtxCompiler.Complaints(ptx));
        Assert.Contains("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", ptx, StringComparison.Ordinal);
        Assert.Contains("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", ptx, StringComparison.Ordinal);
    }

    /// <summary>Compiled for the oldest GPUs that are supported and for newer ones.</summary>
    [PtxasTheory]
    [InlineData("sm_80")]
    [InlineData("sm_90")]
    public void AssemblesWithoutSpills(string architecture)
    {
        string folder = Directory.CreateTempSubdirectory("ascl-ptx").FullName;
        try
        {
            foreach (string file in NativeKernel.Files)
            {
                string path = Path.Combine(folder, file + ".ptx");
                File.WriteAllText(path, NativeKernel.Ptx(file));
                var (exitCode, text) = Assemble($"-arch={architecture}", "-v", "-o", Path.Combine(folder, file + ".cubin"), path)!.Value;
                Assert.True(exitCode == 0, text);
                int[] spills = [.. Spill().Matches(text).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];
                Assert.Equal(2 * EntryPoints(file).Length, spills.Length);
                Assert.All(spills, bytes => Assert.Equal(0, bytes));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    internal static string[] EntryPoints(string file) =>
        [.. Entry().Matches(NativeKernel.Ptx(file)).Select(match => match.Groups[1].Value)];

    /// <summary>Runs ptxas; null where there is none.</summary>
    internal static (int ExitCode, string Text)? Assemble(params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo("ptxas", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output.Result + errors);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static string Root([CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "../../../../src/Ascl.Kernels"));

    [GeneratedRegex(@"\.entry (\w+)\(")]
    private static partial Regex Entry();

    [GeneratedRegex(@"(\d+) bytes spill")]
    private static partial Regex Spill();
}
