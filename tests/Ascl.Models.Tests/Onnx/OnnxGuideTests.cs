using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Ascl.Models.Onnx.Import;

namespace Ascl.Models.Tests.Onnx;

/// <summary>The guide lists the operators that there are.</summary>
public sealed partial class OnnxGuideTests
{
    private const string OnConstants = "of sizes and constants only";

    [Fact]
    public void TheGuideListsTheOperators()
    {
        string guide = File.ReadAllText(Path.Combine(Folder(), "..", "..", "..", "docs", "guides", "any-model.md"));
        string[] rows = [.. guide[guide.IndexOf("| family | operators |", StringComparison.Ordinal)..].Split('\n')
            .TakeWhile(line => line.StartsWith('|')).Skip(2)];
        string[] constants = [.. rows.Where(row => row.Contains(OnConstants, StringComparison.Ordinal)).SelectMany(Names)];
        string[] all = [.. rows.SelectMany(Names)];
        Assert.Equal(all.Length, all.Distinct().Count());
        string[] known = [.. OnnxOperators.OfImages.Union(OnnxOperators.OfConstants)];
        Assert.Equal(known.Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
        Assert.All(OnnxOperators.OfConstants, name => Assert.Contains(name, constants));
    }

    private static IEnumerable<string> Names(string row) => Name().Matches(row).Select(match => match.Groups[1].Value);

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex("`([A-Za-z0-9]+)`")]
    private static partial Regex Name();
}
