namespace Ascl.Robustness.Comparison;

/// <summary>A table in Markdown.</summary>
internal static class MarkdownTable
{
    /// <summary>Header, rule and lines.</summary>
    /// <param name="textColumns">Number of columns of text, aligned left; numbers after them are aligned right.</param>
    public static string Of(IReadOnlyList<string> header, int textColumns, IEnumerable<string[]> lines)
    {
        IEnumerable<string[]> all = [[.. header], [.. header.Select((_, i) => i < textColumns ? "---" : "--:")], .. lines];
        return string.Concat(all.Select(line =>
            $"| {string.Join(" | ", line.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |\n"));
    }
}
