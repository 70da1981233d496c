namespace Ascl.Data.Sources;

/// <summary>Names that data are divided by.</summary>
internal static class PartNames
{
    /// <summary>Training, validation and test part, in this order.</summary>
    public static IReadOnlyList<string> All { get; } = ["train", "val", "test"];

    private static readonly Dictionary<string, string> Parts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["train"] = "train",
        ["training"] = "train",
        ["test"] = "test",
        ["testing"] = "test",
        ["val"] = "val",
        ["valid"] = "val",
        ["validation"] = "val",
    };

    /// <summary>The part of <see cref="All"/> that a name stands for, in any case; null where it is another name.</summary>
    public static string? Of(string name) => Parts.GetValueOrDefault(name);
}
