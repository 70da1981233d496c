using ADRaffy.ENSNormalize;

namespace Ascl.Data;

/// <summary>Text in Unicode's form NFC, in which a letter with an accent is one character: macOS writes file names as letter and accent.</summary>
internal static class ComposedText
{
    /// <summary>.NET's own method does nothing in a program that carries no tables of languages.</summary>
    public static string Of(string text) => text.All(char.IsAscii) ? text : ENSNormalize.NF.NFC(text);
}
