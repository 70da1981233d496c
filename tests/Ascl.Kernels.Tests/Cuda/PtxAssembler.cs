using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>A test on NVIDIA's assembler; reported as skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PtxasTheoryAttribute : TheoryAttribute
{
    public PtxasTheoryAttribute() => Skip = PtxAssembler.IsThere ? null : "no ptxas on the PATH";
}

/// <summary>What a kernel takes of a GPU, a thread and a group.</summary>
/// <param name="Stack">Bytes of local memory: what does not fit into registers by its nature, such as arrays with a running index.</param>
/// <param name="Spills">Bytes stored and loaded because registers ran out.</param>
internal sealed record KernelResources(int Registers, int SharedBytes, int Stack, int Spills);

/// <summary>NVIDIA's assembler (ptxas of the CUDA toolkit), which does what the driver does at a kernel's first launch.</summary>
internal static partial class PtxAssembler
{
    public static bool IsThere { get; } = Run("--version") is { ExitCode: 0 };

    /// <exception cref="InvalidOperationException">It does not take the text; the message says why.</exception>
    public static KernelResources Assemble(string ptx, string architecture)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, ptx);
            var (exitCode, text) = Run("-v", $"-arch={architecture}", "-o", "/dev/null", file)!.Value;
            if (exitCode != 0)
                throw new InvalidOperationException(text);
            return new(Number(Registers(), text), Number(Shared(), text), Number(Stack(), text),
                Number(SpillStores(), text) + Number(SpillLoads(), text));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static (int ExitCode, string Text)? Run(params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo("ptxas", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string text = process.StandardOutput.ReadToEnd() + error.Result;
            process.WaitForExit();
            return (process.ExitCode, text);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static int Number(Regex pattern, string text) =>
        pattern.Match(text) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Shared();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex Stack();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();
}
