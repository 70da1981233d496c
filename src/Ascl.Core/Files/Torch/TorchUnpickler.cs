using System.Collections;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files.Pickle;

namespace Ascl.Core.Files.Torch;

/// <summary>Makes tensors of the calls by which PyTorch pickles them (torch/_utils.py); all other classes stay records of their
/// names.</summary>
internal sealed class TorchUnpickler
{
    /// <summary>A tensor may repeat the elements of its storage (stride 0), but not without end.</summary>
    private const long MostRepeated = 1 << 24;

    private readonly Dictionary<string, TorchStorage> storages = [];
    private readonly Dictionary<string, Func<object?[], object?>> known;
    private readonly string path;
    private int count;

    /// <param name="path">The file in messages.</param>
    public TorchUnpickler(string path)
    {
        this.path = path;
        known = new()
        {
            ["torch._utils._rebuild_tensor"] = Tensor,
            ["torch._utils._rebuild_tensor_v2"] = Tensor,
            ["torch._utils._rebuild_tensor_v3"] = Tensor,
            ["torch._utils._rebuild_parameter"] = arguments => arguments[0],
            ["torch._utils._rebuild_parameter_with_state"] = arguments => arguments[0],
            ["torch._tensor._rebuild_from_type_v2"] = arguments =>
                ((PickledClass)arguments[0]!).construct((object?[])arguments[2]!),
            ["torch._utils._rebuild_sparse_tensor"] = _ => Unread("a sparse tensor"),
            ["torch._utils._rebuild_sparse_csr_tensor"] = _ => Unread("a sparse tensor"),
            ["torch._utils._rebuild_qtensor"] = _ => Unread("a quantised tensor"),
            ["torch._utils._rebuild_meta_tensor_no_storage"] = _ => Unread("a tensor without values"),
            ["torch.Size"] = arguments => arguments[0],
            ["collections.OrderedDict"] = Ordered,
        };
    }

    /// <summary>The storages that the tensors refer to, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => storages;

    /// <summary>Reads the pickle that begins at an offset.</summary>
    /// <exception cref="UserErrorException">It would run a program where Python opens it.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <exception cref="EndOfStreamException">The data end before it does.</exception>
    public (object? Value, int End) Read(byte[] data, int start) => PickleReader.Read(path, data, start, known, Storage);

    private TorchStorage Storage(object?[] id)
    {
        if (id is not ["storage", PickledClass type, string key, _, var length, ..] || Whole(length) is not (>= 0 and var elements))
            throw new InvalidDataException("a persistent id that is no storage");
        if (id.Length > 5 && id[5] is not null)
            throw new InvalidDataException("a view of a storage, as versions before 0.4 wrote it: load and save it with a newer PyTorch");
        if (!storages.TryGetValue(key, out TorchStorage? storage))
            storages.Add(key, storage = new(key, type.Name[(type.Name.LastIndexOf('.') + 1)..], elements));
        return storage;
    }

    private TorchTensor Tensor(object?[] arguments)
    {
        if (arguments is not [TorchStorage storage, var offset, object?[] size, object?[] stride, ..] || size.Length != stride.Length)
            throw new InvalidDataException("a tensor without storage, size and stride");
        int[] shape = [.. size.Select(one => Whole(one) is (>= 0 and <= int.MaxValue) and var length
            ? (int)length : throw new InvalidDataException($"a tensor with a dimension of {one}"))];
        long[] strides = [.. stride.Select(one => Whole(one) is >= 0 and var step
            ? step : throw new InvalidDataException($"a tensor with a stride of {one}"))];
        long first = Whole(offset) is >= 0 and var start ? start : throw new InvalidDataException($"a tensor that begins at {offset}");
        bool isUntyped = storage.Type == "UntypedStorage";
        string type = isUntyped && arguments is [_, _, _, _, _, _, PickledClass dtype, ..]
            ? dtype.Name[(dtype.Name.LastIndexOf('.') + 1)..] : storage.Type;
        long length = isUntyped ? storage.Length / (TorchStorage.DtypeOf(type)?.Size() ?? 1) : storage.Length;
        try
        {
            if (checked(first + ElementOrder.Extent(shape, strides)) > length)
                throw new InvalidDataException($"a tensor [{string.Join(", ", shape)}] that ends behind its storage of {length} elements");
            if (TensorFile.Elements(shape) > Math.Max(length, MostRepeated))
                throw new InvalidDataException($"a tensor [{string.Join(", ", shape)}] of a storage of {length} elements");
        }
        catch (OverflowException e)
        {
            throw new InvalidDataException($"a tensor [{string.Join(", ", shape)}], whose size overflows", e);
        }
        TensorDtype? known = TorchStorage.DtypeOf(type);
        return new(storage, known, known?.ToString() ?? type, shape, first, strides) { Order = count++ };
    }

    private TorchTensor Unread(string kind) => new(null, null, kind, [], 0, []) { Order = count++ };

    private static PickledObject Ordered(object?[] arguments)
    {
        PickledObject result = new("collections.OrderedDict", arguments);
        if (arguments is [ArrayList pairs])
        {
            foreach (object? pair in pairs)
            {
                switch (pair)
                {
                    case ArrayList { Count: 2 } list when list[0] is { } key: result[key] = list[1]; break;
                    case object?[] and [{ } key, var value]: result[key] = value; break;
                    default: throw new InvalidDataException("an OrderedDict that is not made of pairs");
                }
            }
        }
        return result;
    }

    private static long? Whole(object? number) => number switch
    {
        int value => value,
        long value => value,
        _ => null,
    };
}
