using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>Reads and writes a <see cref="ParameterSet"/> as safetensors with PyTorch's names, compatible with PyTorch state dicts in both
/// directions.</summary>
public static class WeightFile
{
    private const string Counter = "num_batches_tracked";

    /// <summary>Reads every tensor of <paramref name="parameters"/>; nothing is changed unless all of them fit.</summary>
    /// <param name="parameters">The tensors to fill.</param>
    /// <param name="file">The file; other tensors in it are ignored.</param>
    /// <param name="prefix">Prefix of the names in the file.</param>
    /// <param name="optional">Name prefix of tensors that the file may lack; these keep their values then. Null for none.</param>
    /// <exception cref="UserErrorException">A tensor is missing, of another shape, or not finite.</exception>
    public static void Load(ParameterSet parameters, TensorFile file, string prefix = "", string? optional = null)
    {
        Fill(file, from target in parameters.All
                   where optional is null || file.Contains(prefix + target.Name)
                       || !target.Name.StartsWith(optional, StringComparison.Ordinal)
                   select (target, file.Contains(prefix + target.Name) ? prefix + target.Name : throw Missing(target, file, prefix)));
    }

    /// <summary>Reads every tensor of <paramref name="parameters"/> from a set of weights, which other code may have saved; nothing is
    /// changed unless all of them fit.</summary>
    /// <returns>The names of the file's tensors that were not read, without BatchNorm's num_batches_tracked.</returns>
    /// <exception cref="UserErrorException">A tensor is missing, of another shape or not finite, or the set has more layers than the
    /// model.</exception>
    internal static IReadOnlyList<string> Load(ParameterSet parameters, WeightSet set)
    {
        (NamedTensor Target, string Name)[] named =
            [.. parameters.All.Select(t => (t, set.Find(t.Name) ?? throw Missing(t, set.File, set.Prefix)))];
        HashSet<string> used = [.. named.Select(tensor => tensor.Name)];
        string[] unused = [.. set.File.Names.Where(name => !used.Contains(name) && !name.EndsWith(Counter, StringComparison.Ordinal))];
        HashSet<string> kinds = [.. parameters.All.Select(target => KindOf(target.Name))];
        string? layer = unused.FirstOrDefault(name => set.IsUnder(name) && kinds.Contains(KindOf(name[set.Prefix.Length..])));
        if (layer is not null)
            throw new UserErrorException($"{set.File.Path}: tensor '{layer}' is not of this model: these are weights of another network");
        Fill(set.File, named);
        return unused;
    }

    /// <summary>Adds all tensors, float32, to a file that is being written, each named <paramref name="prefix"/> and its own
    /// name.</summary>
    public static void Add(ParameterSet parameters, SafetensorsWriter writer, string prefix = "")
    {
        foreach (NamedTensor tensor in parameters.All)
            writer.Add(prefix + tensor.Name, tensor.Tensor.Shape.Sizes, tensor.Tensor.ToArray());
    }

    /// <summary>The first part of a name without its number, "layer" of layer3.0.conv1.weight: a deeper network of the same kind has more
    /// of these.</summary>
    private static string KindOf(string name) => name.Split('.')[0].TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');

    private static float[] Read(NamedTensor target, TensorFile file, string name)
    {
        int[] shape = file.Shape(name);
        if (!target.Tensor.Shape.Sizes.SequenceEqual(shape))
        {
            throw new UserErrorException(
                $"{file.Path}: tensor '{name}' has shape [{string.Join(", ", shape)}], the model needs {target.Tensor.Shape}");
        }
        float[] values = file.ReadFloats(name);
        int bad = Array.FindIndex(values, v => !float.IsFinite(v));
        return bad < 0 ? values : throw new UserErrorException($"{file.Path}: tensor '{name}' holds {values[bad]} at position {bad}");
    }

    private static UserErrorException Missing(NamedTensor target, TensorFile file, string prefix) =>
        new($"{file.Path}: no tensor '{prefix}{target.Name}' {target.Tensor.Shape}: these are not weights of this model");

    private static void Fill(TensorFile file, IEnumerable<(NamedTensor Target, string Name)> named)
    {
        // All names are resolved and all values read before the first tensor is changed.
        (NamedTensor Target, string Name)[] all = [.. named];
        (NamedTensor Target, float[] Values)[] read = [.. all.Select(tensor => (tensor.Target, Read(tensor.Target, file, tensor.Name)))];
        foreach (var (target, values) in read)
            target.Tensor.Data.CopyFrom(values);
    }
}
