using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>
/// The weights of one network in a file: the network's own names behind a prefix. Modules that wrap a network add a prefix each
/// (<c>module.</c>, <c>model.</c>, <c>_orig_mod.</c>, <c>1.</c>, in any order), and averaged weights may be in the same file under another.
/// A prefix is found as what precedes the name of a first convolution; <see cref="Choose"/>, which knows all of the network's names,
/// decides whether it is one.
/// </summary>
internal sealed class WeightSet(TensorFile file, string prefix)
{
    /// <summary>Name prefixes of heads, which may be outside the wrapper of the encoder, as in encoder.conv1.weight and
    /// fc.weight.</summary>
    private static readonly string[] Heads = ["linear.", "fc.", "classifier.", "logits.", "projection."];

    /// <summary>Prefixes of PyTorch's modules that wrap another.</summary>
    private static readonly string[] Wrappers = ["module", "model", "_orig_mod", "encoder", "backbone"];

    /// <summary>Parts of names that mark an optimiser's tensors, which repeat the names of the weights.</summary>
    private static readonly string[] OptimizerParts = ["momentum", "momentum_buffer", "exp_avg", "exp_avg_sq", "optimizer"];

    private const int NamedChoices = 6;

    public TensorFile File { get; } = file;

    /// <summary>Precedes the network's own names; empty, or ends in a dot.</summary>
    public string Prefix { get; } = prefix;

    /// <summary>Whether the prefix is more than those of modules that wrap a network: the set is one that the file's author
    /// named.</summary>
    public bool IsNamed => Name.Split('.').Any(part => part.Length > 0 && !char.IsAsciiDigit(part[0]) && !Wrappers.Contains(part));

    /// <summary>The names with this prefix, without it.</summary>
    public IEnumerable<string> Names => File.Names.Where(IsUnder).Select(name => name[Prefix.Length..]);

    /// <summary>The name in the file of one of the network's tensors; null where there is none.</summary>
    public string? Find(string name)
    {
        string[] spellings = [.. Spellings(name)];
        return Places(name).SelectMany(place => spellings.Select(spelling => place + spelling)).FirstOrDefault(File.Contains);
    }

    public bool IsUnder(string nameInFile) => nameInFile.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Whether the set has a tensor for each of <paramref name="names"/>.</summary>
    public bool IsWhole(IEnumerable<string> names) => names.All(name => Find(name) is not null);

    /// <summary>Whether a name is that of an optimiser's tensor.</summary>
    public static bool IsOfOptimizer(string name) => name.Split('.').Intersect(OptimizerParts).Any();

    /// <summary>All candidates in a file, the one with the most tensors first; at least one, with an empty prefix if the file has no first
    /// convolution.</summary>
    public static IReadOnlyList<WeightSet> In(TensorFile file)
    {
        WeightSet[] begun =
        [
            .. file.Names.SelectMany(PrefixesOf).Distinct().Where(prefix => !IsOfOptimizer(prefix))
                .Select(prefix => new WeightSet(file, prefix))
                .OrderByDescending(set => set.Names.Count()).ThenBy(set => set.Prefix, StringComparer.Ordinal),
        ];
        // Without a candidate, WeightShapes.Of reports what is missing.
        if (begun.Length == 0)
            return [new(file, "")];
        WeightSet[] ended = [.. begun.Where(set => WeightShapes.LastLayers.Any(last => set.Find(last) is not null))];
        return ended.Length > 0 ? ended : begun[..1];
    }

    /// <summary>Selects the set that a path refers to.</summary>
    /// <param name="sets">The result of <see cref="In"/>.</param>
    /// <param name="names">All names of the network.</param>
    /// <param name="path">The path that the user gave.</param>
    /// <returns>A set with all of the names, or if there is none, the one with most of them.</returns>
    /// <exception cref="UserErrorException">No set has the name given, or several sets are complete and differ.</exception>
    public static WeightSet Choose(IReadOnlyList<WeightSet> sets, IReadOnlyList<string> names, WeightPath path)
    {
        WeightSet[] whole = [.. sets.Where(set => set.IsWhole(names))];
        WeightSet[] named = Named(whole, path.Set);
        if (named.Length == 0 && path.Set is not null && Named(sets, path.Set) is { Length: 0 })
        {
            throw new UserErrorException(
                $"{path.File}: no weights '{path.Set}' in it{(whole.Length == 0 ? "" : $", but {Choices(whole, path)}")}");
        }
        if (named.Length == 0)
            return MostComplete(path.Set is null ? Everywhere(sets[0].File).Prepend(sets[0]) : Named(sets, path.Set), names);
        return named.Skip(1).All(other => named[0].HoldsTheSame(other, names))
            ? named[0]
            : throw new UserErrorException($"{path.File}: several sets of weights that differ: choose {Choices(named, path)}");
    }

    /// <summary>The sets that a name matches: the one whose whole prefix it is, or else all whose prefix has it as a part.</summary>
    public static WeightSet[] Named(IEnumerable<WeightSet> sets, string? name)
    {
        if (name is null)
            return [.. sets];
        WeightSet[] exact = [.. sets.Where(set => set.Name == name)];
        return exact.Length > 0 || name.Length == 0
            ? exact
            : [.. sets.Where(set => $".{set.Prefix}".Contains($".{name}.", StringComparison.Ordinal))];
    }

    /// <summary>The prefix without its final dot, as in FILE#SET.</summary>
    private string Name => Prefix.TrimEnd('.');

    private bool HoldsTheSame(WeightSet other, IReadOnlyList<string> names) => names.All(name =>
    {
        string own = Find(name)!, others = other.Find(name)!;
        return own == others || (File.Dtype(own) == File.Dtype(others) && File.Shape(own).SequenceEqual(File.Shape(others)) &&
            File.ReadBytes(own).AsSpan().SequenceEqual(File.ReadBytes(others)));
    });

    /// <summary>The set with most of the names, for the most specific message about a missing tensor.</summary>
    private static WeightSet MostComplete(IEnumerable<WeightSet> sets, IReadOnlyList<string> names) =>
        sets.MaxBy(set => names.Count(name => set.File.Contains(set.Prefix + name)))!;

    /// <summary>A set for each prefix that ends in a dot, and for the empty one; the shortest first.</summary>
    private static IEnumerable<WeightSet> Everywhere(TensorFile file) =>
        file.Names.SelectMany(name => Enumerable.Range(0, name.Length).Where(i => i == 0 || name[i - 1] == '.').Select(i => name[..i]))
            .Distinct().OrderBy(prefix => prefix.Length).Select(prefix => new WeightSet(file, prefix));

    private static string Choices(WeightSet[] sets, WeightPath path)
    {
        string[] written = [.. sets.Take(NamedChoices).Select(set => $"{path with { Set = set.Name }}")];
        string more = sets.Length > NamedChoices ? $" or one of {sets.Length - NamedChoices} more" : "";
        return written.Length == 1 || more.Length > 0
            ? string.Join(", ", written) + more
            : $"{string.Join(", ", written[..^1])} or {written[^1]}";
    }

    private static IEnumerable<string> PrefixesOf(string name) =>
        from first in WeightShapes.FirstLayers
        where name == first || name.EndsWith($".{first}", StringComparison.Ordinal)
        select name[..^first.Length];

    /// <summary>Prefixes to look for a name under: the set's, and for a head also the outer parts of it.</summary>
    private IEnumerable<string> Places(string name)
    {
        yield return Prefix;
        if (!Heads.Any(head => name.StartsWith(head, StringComparison.Ordinal)))
            yield break;
        for (string place = Prefix; place.Length > 0;)
            yield return place = place[..(place.TrimEnd('.').LastIndexOf('.') + 1)];
    }

    /// <summary>The name here, and those of torchvision's code (downsample for shortcut, fc for linear).</summary>
    private static IEnumerable<string> Spellings(string name)
    {
        yield return name;
        if (name.Contains(".shortcut.", StringComparison.Ordinal))
            yield return name.Replace(".shortcut.", ".downsample.", StringComparison.Ordinal);
        if (name.StartsWith("linear.", StringComparison.Ordinal))
            yield return $"fc.{name["linear.".Length..]}";
        if (name.StartsWith("fc.", StringComparison.Ordinal))
            yield return $"linear.{name["fc.".Length..]}";
    }
}
