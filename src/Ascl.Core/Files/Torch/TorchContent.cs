using System.Collections;
using System.Globalization;
using Ascl.Core.Files.Pickle;

namespace Ascl.Core.Files.Torch;

/// <summary>Tensors, texts and numbers of an unpickled checkpoint, each under the names of the dictionaries and the indices of the lists
/// that it is in, joined by dots.</summary>
internal sealed class TorchContent
{
    private const int MostDepth = 64, MostVisits = 2_000_000, MostText = 1000;

    private readonly List<(string Name, TorchTensor Tensor)> tensors = [];
    private int visits;

    private TorchContent()
    {
    }

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<(string Name, TorchTensor Tensor)> Tensors { get; private set; } = [];

    /// <summary>Texts and numbers beside them.</summary>
    public Dictionary<string, string> Texts { get; } = [];

    /// <summary>Name of the class of the first pickled torch.nn.Module; null if there is none.</summary>
    public string? Module { get; private set; }

    /// <summary>Walks through an unpickled object.</summary>
    /// <exception cref="InvalidDataException">It is nested without end.</exception>
    public static TorchContent Of(object? root)
    {
        TorchContent content = new();
        content.Visit(root, "", 0);
        content.Tensors = [.. content.tensors.OrderBy(tensor => tensor.Tensor.Order)];
        return content;
    }

    private void Visit(object? node, string name, int depth)
    {
        if (depth > MostDepth || ++visits > MostVisits)
            throw new InvalidDataException("it is nested too deeply, or in itself");
        switch (node)
        {
            case TorchTensor tensor:
                tensors.Add((name, tensor));
                break;
            case string text when text.Length <= MostText:
                Texts.TryAdd(name, text);
                break;
            case int or long or double or bool:
                Texts.TryAdd(name, Convert.ToString(node, CultureInfo.InvariantCulture)!);
                break;
            case PickledObject { State: Hashtable state } instance when state.ContainsKey("_parameters") || state.ContainsKey("_modules"):
                Module ??= instance.ClassName;
                break;
            case Hashtable dictionary:
                foreach (DictionaryEntry entry in dictionary)
                    Visit(entry.Value, Joined(name, Key(entry.Key)), depth + 1);
                break;
            case IList list and (ArrayList or object?[]):
                for (int i = 0; i < list.Count; i++)
                    Visit(list[i], Joined(name, Key(i)), depth + 1);
                break;
        }
    }

    private static string Joined(string name, string key) => name.Length == 0 ? key : $"{name}.{key}";

    private static string Key(object key) => Convert.ToString(key, CultureInfo.InvariantCulture) ?? "";
}
