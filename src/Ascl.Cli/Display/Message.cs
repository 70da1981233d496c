namespace Ascl.Cli.Display;

/// <summary>Lines about the work, on standard error: results alone go to standard output.</summary>
internal static class Message
{
    public static void Print(string text) => Console.Error.WriteLine($"ascl: {OneLine(text)}");

    /// <summary>Names of files and classes come from outside: a line break or an escape sequence in them must not reach the
    /// terminal.</summary>
    public static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
