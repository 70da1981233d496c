using ADRaffy.ENSNormalize;

namespace Ascl.Data;

/// <summary>Normalises text to Unicode NFC, in which a letter with an accent is one character. macOS decomposes file names.</summary>
internal static class ComposedText
{
    /// <summary>The NFC form of a text. string.Normalize does nothing here, because programs are built with invariant
    /// globalisation.</summary>
    public static string Of(string text) => text.All(char.IsAscii) ? text : ENSNormalize.NF.NFC(text);
}
