using System.Globalization;
using System.Net;
using System.Text;

namespace Ascl.Robustness.Reporting;

/// <summary>A page of text, tables and pictures in one file: nothing is loaded from elsewhere. Everything given as text is escaped.</summary>
public sealed class HtmlPage(string title)
{
    private const string Style = """
        :root { color-scheme: light dark; --text: #1c1e21; --back: #ffffff; --soft: #5c6370; --line: #d7dae0; --card: #f6f7f9; --accent: 0, 114, 178 }
        @media (prefers-color-scheme: dark) { :root { --text: #e4e6ea; --back: #16181c; --soft: #9aa1ad; --line: #343840; --card: #1f2228; --accent: 86, 180, 233 } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 1180px; margin: 2em auto; padding: 0 1em }
        h1 { font-size: 1.6em; line-height: 1.25; margin-bottom: .2em } h2 { font-size: 1.2em; margin: 2em 0 .6em; border-bottom: 1px solid var(--line); padding-bottom: .2em }
        p.soft, figcaption { color: var(--soft) } .wide { overflow-x: auto } .row { display: flex; flex-wrap: wrap; gap: 1em }
        figure { margin: 0; flex: 1 1 430px; max-width: 580px } figure svg { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; background: #fff; display: block }
        figcaption { font-size: .9em; margin: .3em 0 .8em }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { padding: .25em .7em; border-bottom: 1px solid var(--line); text-align: left } th { font-weight: 600; white-space: nowrap }
        td.n, th.n { text-align: right } table.heat td { text-align: right; border: 1px solid var(--line); padding: .2em .45em } table.heat th { font-weight: 400; font-size: .85em; padding: .2em .45em }
        pre { background: var(--card); padding: .8em; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9em }
        .warning { border-left: 4px solid #E69F00; background: var(--card); padding: .5em .8em; margin: .4em 0 }
        .images { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 12px } .images div { background: var(--card); border-radius: 6px; padding: 8px; font-size: .82em; line-height: 1.35 }
        .images img { width: 62px; height: 62px; image-rendering: pixelated; margin-right: 3px } .turned { color: #D55E00 } @media print { body { max-width: none } figure, .images div { break-inside: avoid } }
        """;

    private readonly StringBuilder body = new();

    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    public HtmlPage Heading(string text) => Add($"<h2>{Escape(text)}</h2>");

    public HtmlPage Paragraph(string text, bool isSoft = false) => Add($"<p{(isSoft ? " class=\"soft\"" : "")}>{Escape(text)}</p>");

    public HtmlPage Code(string text) => Add($"<pre>{Escape(text)}</pre>");

    public HtmlPage Warning(string text) => Add($"<p class=\"warning\">{Escape(text)}</p>");

    /// <summary>A table; columns of numbers stand to the right.</summary>
    public HtmlPage Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        IReadOnlyList<string>[] all = [.. rows];
        string[] kind = [.. header.Select((_, i) => all.Length > 0 && all.All(row => row[i].Length == 0 || row[i][0] is '-' or '–' or (>= '0' and <= '9')) ? " class=\"n\"" : "")];
        StringBuilder table = new("<div class=\"wide\"><table>\n");
        table.Append($"<tr>{string.Concat(header.Select((cell, i) => $"<th{kind[i]}>{Escape(cell)}</th>"))}</tr>\n");
        foreach (IReadOnlyList<string> row in all)
            table.Append($"<tr>{string.Concat(row.Select((cell, i) => $"<td{kind[i]}>{Escape(cell)}</td>"))}</tr>\n");
        return Add(table.Append("</table></div>").ToString());
    }

    /// <summary>A matrix of counts: row and column names, cells shaded by their share of the row.</summary>
    public static string HeatMap(string caption, IReadOnlyList<string> names, int[,] counts)
    {
        StringBuilder table = new($"<figure><div class=\"wide\"><table class=\"heat\"><tr><th></th>{string.Concat(names.Select(name => $"<th>{Escape(name)}</th>"))}</tr>\n");
        for (int i = 0; i < names.Count; i++)
        {
            double total = Math.Max(1, Enumerable.Range(0, names.Count).Sum(j => counts[i, j]));
            table.Append($"<tr><th>{Escape(names[i])}</th>");
            for (int j = 0; j < names.Count; j++)
                table.Append(CultureInfo.InvariantCulture, $"<td style=\"background: rgba(var(--accent), {counts[i, j] / total:F2})\">{counts[i, j]}</td>");
            table.Append("</tr>\n");
        }
        return table.Append($"</table></div><figcaption>{Escape(caption)}</figcaption></figure>").ToString();
    }

    /// <param name="svg">An SVG element, as <see cref="Chart"/> makes them.</param>
    public static string Figure(string svg, string caption = "") => $"<figure>{svg}{(caption.Length > 0 ? $"<figcaption>{Escape(caption)}</figcaption>" : "")}</figure>";

    public static string Image(byte[] png, string description) => $"<img src=\"data:image/png;base64,{Convert.ToBase64String(png)}\" alt=\"{Escape(description)}\" title=\"{Escape(description)}\">";

    /// <param name="tiles">HTML of each.</param>
    public HtmlPage Images(IEnumerable<string> tiles) => Add($"<div class=\"images\">{string.Concat(tiles)}</div>");

    /// <summary>Pieces beside each other as far as there is room.</summary>
    public HtmlPage Row(IEnumerable<string> figures) => Add($"<div class=\"row\">{string.Concat(figures)}</div>");

    /// <summary>HTML as it is.</summary>
    public HtmlPage Add(string html)
    {
        body.Append(html).Append('\n');
        return this;
    }

    public override string ToString() => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{Escape(title)}</title>
        <style>
        {Style}
        </style>
        </head>
        <body>
        <h1>{Escape(title)}</h1>
        {body}</body>
        </html>

        """;
}
