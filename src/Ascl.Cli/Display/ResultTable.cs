using Spectre.Console;

namespace Ascl.Cli.Display;

/// <summary>A table of results: framed on a terminal, space-separated columns if the output goes to a file or a pipe.</summary>
internal sealed class ResultTable(params string[] columns)
{
    private readonly List<string[]> rows = [];

    /// <summary>A line above the table.</summary>
    public string? Title { get; init; }

    /// <exception cref="ArgumentException">The number of cells is not the number of columns.</exception>
    public void Add(params string[] cells)
    {
        if (cells.Length != columns.Length)
            throw new ArgumentException($"{cells.Length} cells for {columns.Length} columns");
        rows.Add([.. cells.Select(Message.OneLine)]);
    }

    public void Print()
    {
        if (!ProgressDisplay.IsTerminal)
            PrintPlain(Console.Out);
        else
            PrintFramed();
    }

    /// <summary>Each column is as wide as its widest cell; numeric columns are right-aligned.</summary>
    public void PrintPlain(TextWriter output)
    {
        if (Title is not null)
            output.WriteLine(Message.OneLine(Title));
        int[] widths = [.. columns.Select((column, i) => rows.Select(row => row[i].Length).Append(column.Length).Max())];
        foreach (string[] row in rows.Prepend(columns))
        {
            IEnumerable<string> cells = row.Select((cell, i) => IsNumeric(i) ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
            output.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    private void PrintFramed()
    {
        var table = new Table { Border = TableBorder.Rounded };
        if (Title is not null)
            table.Title = new TableTitle(Markup.Escape(Message.OneLine(Title)));
        for (int i = 0; i < columns.Length; i++)
            table.AddColumn(new TableColumn(Markup.Escape(columns[i])) { Alignment = IsNumeric(i) ? Justify.Right : Justify.Left });
        foreach (string[] row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Write(table);
    }

    private bool IsNumeric(int column) =>
        rows.Count > 0 && rows.All(row => row[column].Length == 0 || row[column][0] is '-' or (>= '0' and <= '9'));
}
