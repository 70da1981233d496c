using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>Weights as a user names them: a file, or one of several sets of weights in it, as in <c>theirs.safetensors#ema</c>.</summary>
/// <param name="File">The file.</param>
/// <param name="Set">What stands before the names of the set's tensors, or a part of it between dots; empty for nothing before them; null
/// where the file's only set is meant.</param>
public readonly record struct WeightPath(string File, string? Set)
{
    /// <summary>Reads a path; a file that is literally named so is meant before a part of another.</summary>
    public static WeightPath Parse(string text)
    {
        int mark = text.LastIndexOf('#');
        return mark <= 0 || System.IO.File.Exists(text) ? new(text, null) : new(text[..mark], text[(mark + 1)..].Trim('.'));
    }

    /// <summary>SHA-256 of the file that a path names, whichever of its sets is meant.</summary>
    public static string Sha256(string text) => FileHash.Of(Parse(text).File);

    /// <summary>As a user writes it.</summary>
    public override string ToString() => Set is null ? File : $"{File}#{Set}";
}
