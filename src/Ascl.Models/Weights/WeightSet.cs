using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>
/// The weights of one network in a file, under its own names with something before them: what wraps a network when it is saved adds a name
/// of its own (<c>module.</c>, <c>model.</c>, <c>_orig_mod.</c>, <c>1.</c>, in any order), and averages lie beside the weights. Which prefixes
/// there are is read off the file: a prefix is what comes before a network's first convolution. Whether it is one is for
/// <see cref="Choose"/> to say, who knows all of the names.
/// </summary>
internal sealed class WeightSet(SafetensorsFile file, string prefix)
{
    /// <summary>How the names of heads begin: they may stand outside of what the rest is wrapped in, as in encoder.conv1.weight and fc.weight.</summary>
    private static readonly string[] Heads = ["linear.", "fc.", "classifier.", "projection."];

    /// <summary>Tensors of an optimiser have the names of the weights that they belong to.</summary>
    private static readonly string[] OptimizerParts = ["momentum", "momentum_buffer", "exp_avg", "exp_avg_sq", "optimizer"];

    private const int NamedChoices = 6;

    public SafetensorsFile File { get; } = file;

    /// <summary>What comes before the network's own names; empty, or ends in a dot.</summary>
    public string Prefix { get; } = prefix;

    /// <summary>The names behind the prefix.</summary>
    public IEnumerable<string> Names => File.Names.Where(IsUnder).Select(name => name[Prefix.Length..]);

    /// <summary>The file's name for one of the network's; null where it has none.</summary>
    public string? Find(string name)
    {
        string[] spellings = [.. Spellings(name)];
        return Places(name).SelectMany(place => spellings.Select(spelling => place + spelling)).FirstOrDefault(File.Contains);
    }

    public bool IsUnder(string nameInFile) => nameInFile.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Whether it has all of a network's names.</summary>
    public bool IsWhole(IEnumerable<string> names) => names.All(name => Find(name) is not null);

    /// <summary>Whether a tensor is an optimiser's, by its name.</summary>
    public static bool IsOfOptimizer(string name) => name.Split('.').Intersect(OptimizerParts).Any();

    /// <summary>All that may be weights of a network, the one with the most tensors first.</summary>
    /// <exception cref="UserErrorException">There is nothing of the kind.</exception>
    public static IReadOnlyList<WeightSet> In(SafetensorsFile file)
    {
        WeightSet[] begun =
        [
            .. file.Names.SelectMany(PrefixesOf).Distinct().Where(prefix => !IsOfOptimizer(prefix))
                .Select(prefix => new WeightSet(file, prefix)).OrderByDescending(set => set.Names.Count()).ThenBy(set => set.Prefix, StringComparer.Ordinal),
        ];
        // Without any, whoever reads the shapes says what is missing.
        if (begun.Length == 0)
            return [new(file, "")];
        WeightSet[] ended = [.. begun.Where(set => WeightShapes.LastLayers.Any(last => set.Find(last) is not null))];
        return ended.Length > 0 ? ended : begun[..1];
    }

    /// <summary>The set that is meant.</summary>
    /// <param name="sets">Those of <see cref="In"/>.</param>
    /// <param name="names">All that the network needs.</param>
    /// <param name="path">As the user wrote it.</param>
    /// <returns>One that has all of the names, or where none has, the one that has most.</returns>
    /// <exception cref="UserErrorException">None is named so, or several are whole and differ.</exception>
    public static WeightSet Choose(IReadOnlyList<WeightSet> sets, IReadOnlyList<string> names, WeightPath path)
    {
        WeightSet[] whole = [.. sets.Where(set => set.IsWhole(names))];
        WeightSet[] named = Named(whole, path.Set);
        if (named.Length == 0 && path.Set is not null && Named(sets, path.Set) is { Length: 0 })
            throw new UserErrorException($"{path.File}: no weights '{path.Set}' in it{(whole.Length == 0 ? "" : $", but {Choices(whole, path)}")}");
        if (named.Length == 0)
            return Likest(path.Set is null ? Everywhere(sets[0].File) : Named(sets, path.Set), names);
        return named.Skip(1).All(other => named[0].HoldsTheSame(other, names))
            ? named[0]
            : throw new UserErrorException($"{path.File}: several sets of weights that differ: choose {Choices(named, path)}");
    }

    /// <summary>Those that a name may mean, the only one where it is the whole prefix.</summary>
    public static WeightSet[] Named(IEnumerable<WeightSet> sets, string? name)
    {
        if (name is null)
            return [.. sets];
        WeightSet[] exact = [.. sets.Where(set => set.Name == name)];
        return exact.Length > 0 || name.Length == 0 ? exact : [.. sets.Where(set => $".{set.Prefix}".Contains($".{name}.", StringComparison.Ordinal))];
    }

    /// <summary>The prefix as a user writes it.</summary>
    private string Name => Prefix.TrimEnd('.');

    private bool HoldsTheSame(WeightSet other, IReadOnlyList<string> names) => names.All(name =>
    {
        string own = Find(name)!, others = other.Find(name)!;
        return own == others || (File.Dtype(own) == File.Dtype(others) && File.Shape(own).SequenceEqual(File.Shape(others)) &&
            File.ReadBytes(own).AsSpan().SequenceEqual(File.ReadBytes(others)));
    });

    /// <summary>The one that has most of the names: the message about what it lacks says most.</summary>
    private static WeightSet Likest(IEnumerable<WeightSet> sets, IReadOnlyList<string> names) =>
        sets.MaxBy(set => names.Count(name => set.File.Contains(set.Prefix + name)))!;

    /// <summary>Whatever stands before a dot, the shortest first.</summary>
    private static IEnumerable<WeightSet> Everywhere(SafetensorsFile file) =>
        file.Names.SelectMany(name => Enumerable.Range(0, name.Length).Where(i => i == 0 || name[i - 1] == '.').Select(i => name[..i])).Distinct()
            .OrderBy(prefix => prefix.Length).Select(prefix => new WeightSet(file, prefix));

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

    /// <summary>What may stand before a name: the prefix, and for a head also less of it.</summary>
    private IEnumerable<string> Places(string name)
    {
        yield return Prefix;
        if (!Heads.Any(head => name.StartsWith(head, StringComparison.Ordinal)))
            yield break;
        for (string place = Prefix; place.Length > 0;)
            yield return place = place[..(place.TrimEnd('.').LastIndexOf('.') + 1)];
    }

    /// <summary>The name here, and that of torchvision's code.</summary>
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
