using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files.Torch;

/// <summary>Writes a state dict as torch.save does (an OrderedDict of tensors in row-major order), for torch.load with any settings. Texts
/// are a file of the archive beside it, which PyTorch ignores.</summary>
internal static class TorchWriter
{
    /// <summary>Name of the file of texts in the archive.</summary>
    public const string TextsFile = "ascl.json";

    private const string Folder = "archive/";

    /// <summary>Writes tensors under given names.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="source">Holds the tensors.</param>
    /// <param name="names">Name in the source and name to write of each.</param>
    /// <param name="texts">Texts to keep beside them.</param>
    /// <exception cref="UserErrorException">PyTorch has no such element type, or the file cannot be written.</exception>
    public static void Save(
        string path, TensorFile source, IReadOnlyList<(string Source, string Target)> names, IReadOnlyDictionary<string, string> texts)
    {
        byte[] pickle = Pickled(source, names);
        AtomicFile.Write(path, stream =>
        {
            using ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true);
            Add(archive, "data.pkl", pickle);
            Add(archive, "byteorder", "little"u8.ToArray());
            for (int i = 0; i < names.Count; i++)
                Add(archive, $"data/{i}", source.ReadBytes(names[i].Source));
            if (texts.Count > 0)
                Add(archive, TextsFile, JsonSerializer.SerializeToUtf8Bytes(new(texts), TextsJson.Default.DictionaryStringString));
            Add(archive, "version", "3\n"u8.ToArray());
        });
    }

    private static void Add(ZipArchive archive, string name, byte[] bytes)
    {
        using Stream stream = archive.CreateEntry(Folder + name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }

    private static byte[] Pickled(TensorFile source, IReadOnlyList<(string Source, string Target)> names)
    {
        using MemoryStream stream = new();
        Write("\x80\x02");
        Global("collections", "OrderedDict");
        Write(")R(");
        for (int i = 0; i < names.Count; i++)
        {
            int[] shape = source.Shape(names[i].Source);
            Text(names[i].Target);
            Global("torch._utils", "_rebuild_tensor_v2");
            Write("((");
            Text("storage");
            Global("torch", StorageOf(source, names[i].Source));
            Text($"{i}");
            Text("cpu");
            Integer(TensorFile.Elements(shape));
            Write("tQ");
            Integer(0);
            Tuple(shape.Select(size => (long)size));
            Tuple(ElementOrder.RowMajor(shape));
            Write("\x89");
            Global("collections", "OrderedDict");
            Write(")RtR");
        }
        Write("u.");
        return stream.ToArray();

        void Write(string opcodes) => stream.Write(Encoding.Latin1.GetBytes(opcodes));

        void Global(string module, string name) => Write($"c{module}\n{name}\n");

        void Text(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text), length = new byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            Write("X");
            stream.Write(length);
            stream.Write(bytes);
        }

        void Integer(long value)
        {
            byte[] bytes = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            Write("\x8a\x08");
            stream.Write(bytes);
        }

        void Tuple(IEnumerable<long> values)
        {
            Write("(");
            foreach (long value in values)
                Integer(value);
            Write("t");
        }
    }

    private static string StorageOf(TensorFile source, string name) => source.Dtype(name) switch
    {
        TensorDtype.F32 => "FloatStorage",
        TensorDtype.F64 => "DoubleStorage",
        TensorDtype.F16 => "HalfStorage",
        TensorDtype.BF16 => "BFloat16Storage",
        TensorDtype.I64 => "LongStorage",
        TensorDtype.I32 => "IntStorage",
        TensorDtype.I16 => "ShortStorage",
        TensorDtype.I8 => "CharStorage",
        TensorDtype.U8 => "ByteStorage",
        TensorDtype.BOOL => "BoolStorage",
        _ => throw new UserErrorException($"{source.Path}: tensor '{name}' is {source.Describe(name)}, which a PyTorch file cannot hold"),
    };
}

/// <summary>The JSON form of a checkpoint's texts.</summary>
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class TextsJson : JsonSerializerContext;
