using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>
/// The machine code that the just-in-time compiler makes of the register-tiled microkernels: times vary too much to notice that a change of
/// code or compiler makes accumulators live in memory, instructions do not.
/// </summary>
public sealed partial class InnerLoopTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-jit").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>AVX-512 where the machine has it, and AVX2.</summary>
    [Theory]
    [InlineData("1", 16)]
    [InlineData("0", 8)]
    public void InnerLoopsKeepAllOfATileInRegisters(string avx512, int width)
    {
        if (!Fma.IsSupported || (width == 16 && !Vector512.IsHardwareAccelerated))
            return;
        string listing = Path.Combine(folder, "listing.txt");
        ProcessStartInfo start = new("dotnet",
            [AsclProcess.Program, "bench", "--model", "resnet18", "--what", "param-grad", "--batch", "8", "--reps", "1"]);
        start.Environment["DOTNET_EnableAVX512"] = avx512;
        start.Environment["DOTNET_JitDisasm"] = "R*x*";
        start.Environment["DOTNET_JitStdOutFile"] = listing;
        ProcessResult result = AsclProcess.Run(start);
        Assert.True(result.ExitCode == 0, result.Error);

        List<string> seen = [];
        foreach (Match kernel in Kernel().Matches(File.ReadAllText(listing)))
        {
            int rows = int.Parse(kernel.Groups["rows"].Value), vectors = int.Parse(kernel.Groups["vectors"].Value);
            string[] loop = InnerLoop(kernel.Groups["code"].Value);
            string all = $"{rows}x{vectors} of {width} floats:\n{string.Join('\n', loop)}";
            Assert.True(rows * vectors == loop.Count(line => line.StartsWith("vfmadd", StringComparison.Ordinal)), all);
            Assert.False(loop.Any(Spill().IsMatch), all);
            // Besides the multiply-adds: a broadcast a row, a load a vector, at most a copy of a register for each multiply-add, and the
            // steps of the loop.
            Assert.True(loop.Length <= 2 * rows * vectors + rows + vectors + 10, all);
            seen.Add($"{rows}x{vectors}");
        }
        // The tiles that the convolutions of this network consist of.
        string[] expected = width == 16 ? ["14x2", "8x2"] : ["6x2", "4x2"];
        Assert.All(expected, tile => Assert.Contains(tile, seen));
    }

    /// <summary>The instructions of the loop around the multiply-adds: from the target of the first jump back over them to that
    /// jump.</summary>
    private static string[] InnerLoop(string code)
    {
        string[] lines = [.. code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != ';')];
        int first = Array.FindIndex(lines, line => line.StartsWith("vfmadd", StringComparison.Ordinal));
        for (int end = first; end < lines.Length; end++)
        {
            string target = $"{Jump().Match(lines[end]).Groups[1].Value}:";
            int begin = Array.FindIndex(lines, line => target.Length > 1 && line.StartsWith(target, StringComparison.Ordinal));
            if (begin >= 0 && begin < first)
                return [.. lines[begin..(end + 1)].Where(line => !line.Contains("_IG", StringComparison.Ordinal) || Jump().IsMatch(line))];
        }
        Assert.Fail($"no loop in\n{code}");
        return [];
    }

    /// <summary>Spills are addressed relative to the stack or frame pointer.</summary>
    [GeneratedRegex(@"\[r[sb]p")]
    private static partial Regex Spill();

    [GeneratedRegex(
        @"Assembly listing for method \S*MicroKernels`2\S*:R(?<rows>\d+)x(?<vectors>\d+)\(.*(?<code>(?:\n(?!; Assembly listing).*)*)")]
    private static partial Regex Kernel();

    [GeneratedRegex(@"^j\w+ +(?:SHORT )?(G_M\w+)$")]
    private static partial Regex Jump();
}
