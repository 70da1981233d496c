using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>A path to weights: a file, or FILE#SET for one of several sets of weights in it, as in <c>model.safetensors#ema</c>.</summary>
/// <param name="File">The file.</param>
/// <param name="Set">The prefix of the set's tensor names, or some of its dot-separated parts; empty for names without a prefix; null for
/// the file's only set.</param>
public readonly record struct WeightPath(string File, string? Set)
{
    /// <summary>Parses FILE or FILE#SET. If a file has the whole text as its name, the # is part of that name.</summary>
    public static WeightPath Parse(string text)
    {
        int mark = text.LastIndexOf('#');
        return mark <= 0 || System.IO.File.Exists(text) ? new(text, null) : new(text[..mark], text[(mark + 1)..].Trim('.'));
    }

    /// <summary>SHA-256 of the file of a FILE or FILE#SET path, all of its sets included.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file cannot be read.</exception>
    public static string Sha256(string text) => FileHash.Of(Parse(text).File);

    /// <summary>FILE or FILE#SET, as <see cref="Parse"/> reads it.</summary>
    public override string ToString() => Set is null ? File : $"{File}#{Set}";
}
