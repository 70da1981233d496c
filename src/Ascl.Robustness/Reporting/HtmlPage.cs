using System.Globalization;
using System.Net;
using System.Text;

namespace Ascl.Robustness.Reporting;

/// <summary>A self-contained HTML page of text, tables and images. Text arguments are escaped.</summary>
public sealed class HtmlPage(string title)
{
    /// <summary>Longer texts may wrap in a table.</summary>
    private const int LongText = 24;

    private const string LongClass = " class=\"l\"";

    /// <summary>With more columns, the headings of numeric columns are vertical.</summary>
    private const int ManyColumns = 10;

    /// <summary>A heat map with more rows scrolls in a box no higher than the window.</summary>
    private const int ManyRows = 25;

    private readonly StringBuilder body = new();

    /// <summary>Escapes text for HTML.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Adds a heading; the text is escaped.</summary>
    public HtmlPage Heading(string text) => Add($"<h2>{Escape(text)}</h2>");

    /// <summary>Adds a paragraph; the text is escaped.</summary>
    public HtmlPage Paragraph(string text, bool isSoft = false) => Add($"<p{(isSoft ? " class=\"soft\"" : "")}>{Escape(text)}</p>");

    /// <summary>Adds preformatted text; it is escaped.</summary>
    public HtmlPage Code(string text) => Add($"<pre>{Escape(text)}</pre>");

    /// <summary>Adds a highlighted warning; the text is escaped.</summary>
    public HtmlPage Warning(string text) => Add($"<p class=\"warning\">{Escape(text)}</p>");

    /// <summary>Adds a table; numeric columns are right-aligned. A table wider than the page scrolls under its fixed first
    /// column.</summary>
    public HtmlPage Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        IReadOnlyList<string>[] all = [.. rows];
        bool[] isNumber = [.. header.Select((_, i) => all.Length > 0
            && all.All(row => row[i].Length == 0 || row[i][0] is '-' or '–' or (>= '0' and <= '9'))
            && all.All(row => row[i].Length <= LongText))];
        string[] kind = [.. header.Select((_, i) => isNumber[i] ? " class=\"n\""
            : all.Any(row => row[i].Length > LongText) ? LongClass
            : "")];
        StringBuilder table = new("<div class=\"wide\"><table>\n");
        IEnumerable<string> headings = header.Select((cell, i) =>
            isNumber[i] && header.Count > ManyColumns ? Upright(cell) : $"<th{kind[i]}>{Escape(cell)}</th>");
        table.Append($"<thead><tr>{string.Concat(headings)}</tr></thead>\n");
        foreach (IReadOnlyList<string> row in all)
            table.Append($"<tr>{string.Concat(row.Select((cell, i) => $"<td{kind[i]}>{Escape(cell)}</td>"))}</tr>\n");
        return Add(table.Append("</table></div>").ToString());
    }

    /// <summary>A matrix of counts with row and column names, shaded by the fraction of the row.</summary>
    public static string HeatMap(string caption, IReadOnlyList<string> names, int[,] counts)
    {
        string kind = names.Any(name => name.Length > LongText) ? LongClass : "";
        StringBuilder table = new($"<figure class=\"map\"><div class=\"wide{(names.Count > ManyRows ? " tall" : "")}\"><table "
            + $"class=\"heat\"><thead><tr><th></th>{string.Concat(names.Select(Upright))}</tr></thead>\n");
        for (int i = 0; i < names.Count; i++)
        {
            double total = Math.Max(1, Enumerable.Range(0, names.Count).Sum(j => counts[i, j]));
            table.Append($"<tr><th{kind}>{Escape(names[i])}</th>");
            for (int j = 0; j < names.Count; j++)
                table.Append(CultureInfo.InvariantCulture,
                    $"<td style=\"background: rgba(var(--heat), {counts[i, j] / total:F2})\">{counts[i, j]}</td>");
            table.Append("</tr>\n");
        }
        return table.Append($"</table></div><figcaption>{Escape(caption)}</figcaption></figure>").ToString();
    }

    /// <summary>A figure with a caption.</summary>
    /// <param name="svg">An SVG element from <see cref="Chart"/>.</param>
    public static string Figure(string svg, string caption = "") =>
        $"<figure>{Chart.InPage(svg)}{(caption.Length > 0 ? $"<figcaption>{Escape(caption)}</figcaption>" : "")}</figure>";

    /// <summary>A PNG image, embedded as a data URL, with its alternative text.</summary>
    public static string Image(byte[] png, string description) =>
        $"<img src=\"data:image/png;base64,{Convert.ToBase64String(png)}\" alt=\"{Escape(description)}\" title=\"{Escape(description)}\">";

    private static string Upright(string name) => $"<th class=\"n up\"><span>{Escape(name)}</span></th>";

    /// <summary>Adds a grid of image tiles.</summary>
    /// <param name="tiles">HTML of each tile.</param>
    public HtmlPage Images(IEnumerable<string> tiles) => Add($"<div class=\"images\">{string.Concat(tiles)}</div>");

    /// <summary>Adds figures side by side, wrapping as needed.</summary>
    public HtmlPage Row(IEnumerable<string> figures) => Add($"<div class=\"row\">{string.Concat(figures)}</div>");

    /// <summary>Adds raw HTML.</summary>
    public HtmlPage Add(string html)
    {
        body.Append(html).Append('\n');
        return this;
    }

    /// <summary>The whole page as HTML.</summary>
    public override string ToString() => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{Escape(title)}</title>
        <style>
        {PageStyle.Css}
        </style>
        </head>
        <body>
        <h1>{Escape(title)}</h1>
        {body}</body>
        </html>

        """;
}
