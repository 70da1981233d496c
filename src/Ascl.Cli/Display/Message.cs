namespace Ascl.Cli.Display;

/// <summary>Messages on standard error; standard output is for results.</summary>
internal static class Message
{
    public static void Print(string text) => Console.Error.WriteLine($"ascl: {OneLine(text)}");

    /// <summary>Replaces control characters by spaces, because the names of files and classes in a text may contain line breaks or terminal
    /// escape sequences.</summary>
    public static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
