using System.Buffers;
using System.Runtime.InteropServices;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files.Numpy;
using Ascl.Core.Files.Pickle;
using Ascl.Core.Files.Torch;

namespace Ascl.Core.Files;

/// <summary>A file of named tensors opened for reading: safetensors, a PyTorch checkpoint, or NumPy arrays. Opening checks names, shapes
/// and lengths; tensor data are read on demand. Thread-safe.</summary>
public abstract class TensorFile : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private static readonly Dictionary<string, string> NoMetadata = [];

    private protected TensorFile(string path) => Path = path;

    /// <summary>The path that was opened.</summary>
    public string Path { get; }

    /// <summary>The tensors' names in the order of the file.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>Texts beside the tensors, by name; of a PyTorch checkpoint, its strings and numbers.</summary>
    public virtual IReadOnlyDictionary<string, string> Metadata => NoMetadata;

    /// <summary>Opens a file in the format that its first bytes show: safetensors, PyTorch's zip and legacy formats (.pt, .pth), .npz,
    /// .npy; or a directory of .npy files.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is damaged or of another format.</exception>
    public static TensorFile Open(string path)
    {
        if (Directory.Exists(path))
            return NumpyFile.OpenDirectory(path);
        return TensorFormats.Of(path) switch
        {
            TensorFormat.NumpyArray => NumpyFile.OpenFiles(path, [(System.IO.Path.GetFileNameWithoutExtension(path), path)]),
            TensorFormat.NumpyArchive => NumpyFile.OpenArchive(path),
            TensorFormat.TorchArchive => TorchFile.OpenArchive(path),
            TensorFormat.LegacyTorch => TorchFile.OpenLegacy(path),
            _ => SafetensorsFile.Open(path),
        };
    }

    /// <summary>Opens .npy files under given names.</summary>
    /// <param name="path">Stands for the files in messages.</param>
    /// <param name="files">Name and path of each.</param>
    /// <exception cref="UserErrorException">A file is missing, damaged or of another format.</exception>
    public static TensorFile OpenArrays(string path, IReadOnlyList<(string Name, string Path)> files) => NumpyFile.OpenFiles(path, files);

    /// <summary>Opens a pickled dictionary of NumPy arrays and lists of whole numbers, as CIFAR is distributed. Nothing of it is
    /// executed.</summary>
    /// <param name="path">The file in messages.</param>
    /// <param name="pickle">Its content.</param>
    /// <exception cref="UserErrorException">It is damaged, or no such dictionary.</exception>
    public static TensorFile OpenPickle(string path, byte[] pickle) => PickledArrays.Read(path, pickle);

    /// <summary>Whether the file has a tensor of this name.</summary>
    public bool Contains(string name) => Find(name) is not null;

    /// <summary>Dimensions, outermost first; empty for a scalar.</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public int[] Shape(string name) => [.. Entry(name).Shape];

    /// <summary>The element type of a tensor; null for one that cannot be read, such as Python objects.</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public TensorDtype? Dtype(string name) => Entry(name).Dtype;

    /// <summary>Type and shape, as in "F32 [10, 512]".</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public string Describe(string name)
    {
        TensorEntry entry = Entry(name);
        return $"{entry.Type} [{string.Join(", ", entry.Shape)}]";
    }

    /// <summary>Reads a tensor of F32, F64, F16 or BF16 in row-major order; F64 is rounded.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public float[] ReadFloats(string name) => Dtype(name) switch
    {
        TensorDtype.F32 => Read<float, float>(name, value => value),
        TensorDtype.F64 => Read<double, float>(name, value => (float)value),
        TensorDtype.F16 => Read<Half, float>(name, value => (float)value),
        TensorDtype.BF16 => Read<ushort, float>(name, FromBFloat16),
        _ => throw Unreadable(name, "floating-point numbers"),
    };

    /// <summary>Reads a tensor of F32, F64, F16 or BF16 in row-major order.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public double[] ReadDoubles(string name) => Dtype(name) switch
    {
        TensorDtype.F32 => Read<float, double>(name, value => value),
        TensorDtype.F64 => Read<double, double>(name, value => value),
        TensorDtype.F16 => Read<Half, double>(name, value => (double)value),
        TensorDtype.BF16 => Read<ushort, double>(name, value => FromBFloat16(value)),
        _ => throw Unreadable(name, "floating-point numbers"),
    };

    /// <summary>Reads a tensor of any integer type in row-major order; BOOL gives 0 and 1.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, it does not hold integers, or a U64 exceeds the range of
    /// long.</exception>
    public long[] ReadIntegers(string name) => Dtype(name) switch
    {
        TensorDtype.BOOL => Read<byte, long>(name, value => value == 0 ? 0 : 1),
        TensorDtype.U8 => Read<byte, long>(name, value => value),
        TensorDtype.I8 => Read<sbyte, long>(name, value => value),
        TensorDtype.U16 => Read<ushort, long>(name, value => value),
        TensorDtype.I16 => Read<short, long>(name, value => value),
        TensorDtype.U32 => Read<uint, long>(name, value => value),
        TensorDtype.I32 => Read<int, long>(name, value => value),
        TensorDtype.I64 => Read<long, long>(name, value => value),
        TensorDtype.U64 => Read<ulong, long>(name, value => value <= long.MaxValue
            ? (long)value
            : throw new UserErrorException($"{Path}: tensor '{name}': {value} is beyond the integers that can be read")),
        _ => throw Unreadable(name, "integers"),
    };

    /// <summary>Reads a tensor's bytes in row-major order, little-endian.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, or its element type cannot be read.</exception>
    public byte[] ReadBytes(string name)
    {
        TensorEntry entry = Entry(name);
        byte[] bytes = new byte[Length(name, (entry.Dtype ?? throw Unreadable(name, "numbers")).Size())];
        return Reading(() =>
        {
            using Stream data = OpenData(entry);
            data.ReadExactly(bytes);
            return bytes;
        });
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the file.</summary>
    /// <param name="isDisposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool isDisposing)
    {
    }

    /// <summary>The tensor of this name; null where there is none.</summary>
    private protected abstract TensorEntry? Find(string name);

    /// <summary>A tensor's elements in row-major order, little-endian.</summary>
    private protected abstract Stream OpenData(TensorEntry entry);

    /// <summary>Turns what goes wrong in reading into a message about the file.</summary>
    private protected T Reading<T>(Func<T> read) => Reading(Path, read);

    /// <inheritdoc cref="Reading{T}(Func{T})"/>
    private protected static T Reading<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (EndOfStreamException e)
        {
            throw new UserErrorException($"{path}: is truncated", e);
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException($"{path}: is damaged: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
    }

    /// <summary>The number of elements of a shape.</summary>
    /// <exception cref="OverflowException">It is too large.</exception>
    internal static long Elements(IEnumerable<int> shape) => shape.Aggregate(1L, (count, length) => checked(count * length));

    private static float FromBFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private TensorEntry Entry(string name) =>
        Find(name) ?? throw new UserErrorException(NearestName.Of(name, Names) is { } nearest
            ? $"{Path}: no tensor '{name}' (the nearest is '{nearest}')"
            : $"{Path}: no tensor '{name}'");

    private UserErrorException Unreadable(string name, string wanted) =>
        new($"{Path}: tensor '{name}' is {Entry(name).Type}, {wanted} are needed");

    private int Length(string name, int size)
    {
        long length = Elements(Entry(name).Shape) * size;
        return length <= Array.MaxLength
            ? (int)length
            : throw new UserErrorException($"{Path}: tensor '{name}' is too large to be read whole");
    }

    private TTo[] Read<TFrom, TTo>(string name, Func<TFrom, TTo> convert) where TFrom : unmanaged
    {
        TensorEntry entry = Entry(name);
        int size = Marshal.SizeOf<TFrom>();
        TTo[] values = new TTo[Length(name, 1)];
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            return Reading(() =>
            {
                using Stream data = OpenData(entry);
                for (int begin = 0; begin < values.Length; begin += ChunkBytes / size)
                {
                    int count = Math.Min(ChunkBytes / size, values.Length - begin);
                    Span<byte> bytes = chunk.AsSpan(0, count * size);
                    data.ReadExactly(bytes);
                    Span<TFrom> read = MemoryMarshal.Cast<byte, TFrom>(bytes);
                    for (int i = 0; i < count; i++)
                        values[begin + i] = convert(read[i]);
                }
                return values;
            });
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
