using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;

namespace Ascl.Models.Weights;

/// <summary>
/// Weights as safetensors with PyTorch's names: a state dict saved by a PyTorch user loads here, and ours loads there. "num_batches_tracked" and a
/// common "module." prefix are ignored when reading.
/// </summary>
public static class WeightFile
{
    private const string DataParallelPrefix = "module.", Counter = "num_batches_tracked";

    /// <summary>Reads every tensor of <paramref name="parameters"/>; nothing is changed unless all of them fit.</summary>
    /// <param name="parameters">To be filled.</param>
    /// <param name="file">Where from.</param>
    /// <param name="prefix">Of the names in the file; other tensors of the file are ignored if it is not empty.</param>
    /// <param name="optional">Tensors that the file may lack and that then keep their values, by the start of their names.</param>
    /// <exception cref="UserErrorException">A tensor is missing, unknown, of another shape, or not finite.</exception>
    public static void Load(ParameterSet parameters, SafetensorsFile file, string prefix = "", string? optional = null)
    {
        Dictionary<string, string> inFile = NamesIn(file, prefix);
        List<(NamedTensor Target, float[] Values)> loaded = [];
        foreach (NamedTensor target in parameters.All)
        {
            if (!inFile.Remove(target.Name, out string? name))
            {
                if (optional is not null && target.Name.StartsWith(optional, StringComparison.Ordinal))
                    continue;
                throw new UserErrorException($"{file.Path}: no tensor '{prefix}{target.Name}' {target.Tensor.Shape}: these are not weights of this model");
            }
            int[] shape = file.Shape(name);
            if (!target.Tensor.Shape.Sizes.SequenceEqual(shape))
                throw new UserErrorException($"{file.Path}: tensor '{name}' has shape [{string.Join(", ", shape)}], the model needs {target.Tensor.Shape}");
            float[] values = file.ReadFloats(name);
            int bad = Array.FindIndex(values, v => !float.IsFinite(v));
            if (bad >= 0)
                throw new UserErrorException($"{file.Path}: tensor '{name}' holds {values[bad]} at position {bad}");
            loaded.Add((target, values));
        }
        string? extra = inFile.Keys.FirstOrDefault(n => !n.EndsWith(Counter, StringComparison.Ordinal) && !n.StartsWith("projection.", StringComparison.Ordinal));
        if (extra is not null && prefix.Length == 0)
            throw new UserErrorException($"{file.Path}: tensor '{extra}' is not of this model");
        foreach (var (target, values) in loaded)
            target.Tensor.Data.CopyFrom(values);
    }

    /// <summary>Adds all tensors to a file being made.</summary>
    public static void Add(ParameterSet parameters, SafetensorsWriter writer, string prefix = "")
    {
        foreach (NamedTensor tensor in parameters.All)
            writer.Add(prefix + tensor.Name, tensor.Tensor.Shape.Sizes, tensor.Tensor.ToArray());
    }

    /// <summary>The model's name for each name in the file.</summary>
    private static Dictionary<string, string> NamesIn(SafetensorsFile file, string prefix)
    {
        Dictionary<string, string> names = [];
        bool dataParallel = file.Names.All(n => n.StartsWith(DataParallelPrefix, StringComparison.Ordinal));
        foreach (string name in file.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
            names[name[(prefix.Length + (dataParallel ? DataParallelPrefix.Length : 0))..]] = name;
        return names;
    }
}
