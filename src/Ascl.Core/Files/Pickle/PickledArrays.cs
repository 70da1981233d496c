using System.Collections;
using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files.Pickle;

/// <summary>A pickled dictionary of NumPy arrays and of lists of whole numbers, as tensors.</summary>
internal sealed class PickledArrays : TensorFile
{
    private static readonly Dictionary<string, Func<object?[], object?>> Known = new()
    {
        ["numpy.core.multiarray._reconstruct"] = _ => new PickledArray(),
        ["numpy._core.multiarray._reconstruct"] = _ => new PickledArray(),
    };

    private readonly Dictionary<string, TensorEntry> arrays = [];

    private PickledArrays(string path) : base(path)
    {
    }

    public override IReadOnlyCollection<string> Names => arrays.Keys;

    /// <summary>Reads a pickle.</summary>
    /// <param name="path">The file in messages.</param>
    /// <param name="data">Its content.</param>
    /// <exception cref="UserErrorException">It is damaged, no dictionary, or would run a program where Python opens it.</exception>
    public static PickledArrays Read(string path, byte[] data) => Reading(path, () =>
    {
        if (PickleReader.Read(path, data, 0, Known).Value is not Hashtable dictionary)
            throw new InvalidDataException("its pickle is no dictionary");
        PickledArrays all = new(path);
        foreach (DictionaryEntry item in dictionary)
        {
            string? name = item.Key as string ?? (item.Key is byte[] bytes ? Encoding.UTF8.GetString(bytes) : null);
            TensorEntry? array = item.Value switch
            {
                PickledArray pickled => pickled.ToEntry(),
                ArrayList list => OfList(list),
                _ => null,
            };
            if (name is not null && array is not null)
                all.arrays.Add(name, array);
        }
        return all;
    });

    private protected override TensorEntry? Find(string name) => arrays.GetValueOrDefault(name);

    private protected override Stream OpenData(TensorEntry entry) => new MemoryStream(((ArrayEntry)entry).Data);

    private static ArrayEntry? OfList(ArrayList list)
    {
        long[] values = new long[list.Count];
        for (int i = 0; i < values.Length; i++)
        {
            if (list[i] is not (int or long))
                return null;
            values[i] = Convert.ToInt64(list[i], null);
        }
        byte[] data = new byte[values.Length * sizeof(long)];
        Buffer.BlockCopy(values, 0, data, 0, data.Length);
        return new(TensorDtype.I64, "I64", [values.Length], data);
    }

    /// <summary>An array whose elements are in memory, in row-major order.</summary>
    private sealed record ArrayEntry(TensorDtype? Dtype, string Type, int[] Shape, byte[] Data) : TensorEntry(Dtype, Type, Shape);

    /// <summary>A NumPy array as it is pickled: made empty, then given its state.</summary>
    private sealed class PickledArray
    {
        private object?[] state = [];

#pragma warning disable IDE1006 // The unpickler calls the method by Python's name.
        public void __setstate__(object given) => state = given as object?[] ?? [];
#pragma warning restore IDE1006

        /// <summary>State: version, shape, dtype, whether in Fortran order, data.</summary>
        public TensorEntry ToEntry()
        {
            if (state is not [_, object?[] sizes, PickledObject { Arguments: [string type, ..] } dtype, bool isColumnMajor, var elements])
                throw new InvalidDataException("an array without shape, type and data");
            // The state of a dtype: version, byte order, …
            string order = dtype.State is object?[] and [_, string sign, ..] ? sign : "|";
            int[] shape = [.. sizes.Select(size => size is int and >= 0 ? (int)size
                : throw new InvalidDataException($"an array with a dimension of {size}"))];
            byte[] data = elements as byte[] ?? (elements is string text ? Encoding.Latin1.GetBytes(text) : []);
            if (TensorDtypes.OfNumpy(type) is not { } known)
                return new ArrayEntry(null, type, shape, []);
            if (TensorFile.Elements(shape) * known.Size() != data.Length)
                throw new InvalidDataException($"an array {type} [{string.Join(", ", shape)}] of {data.Length} bytes");
            if (order == ">")
                ElementOrder.SwapBytes(data, known.Size());
            if (isColumnMajor)
                data = ElementOrder.Gather(data, known.Size(), shape, ElementOrder.ColumnMajor(shape));
            return new ArrayEntry(known, known.ToString(), shape, data);
        }
    }
}
