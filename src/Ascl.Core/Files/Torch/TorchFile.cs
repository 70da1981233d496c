using System.Buffers.Binary;
using System.Collections;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files.Torch;

/// <summary>
/// A checkpoint written by torch.save, without executing anything of it. Since PyTorch 1.6 it is a zip archive of data.pkl, a pickle whose
/// persistent ids name the storages data/KEY; before, a sequence of pickles (magic number, version, system, the object, the storages'
/// keys), followed by the length and the bytes of each storage.
/// </summary>
internal sealed class TorchFile : TensorFile
{
    private const int MostPickle = 1 << 26;

    private static readonly string WholeModule =
        "holds a whole pickled module ({0}), which only Python code can make again, not its weights: in Python, "
        + "torch.save(model.state_dict(), 'FILE.pt')";

    private readonly Dictionary<string, TorchTensor> tensors = [];
    private readonly List<string> names = [];
    private readonly Dictionary<string, string> texts;
    private readonly Func<TorchStorage, Stream> open;
    private readonly ZipFiles? archived;

    private TorchFile(string path, object? root, Dictionary<string, string>? own, Func<TorchStorage, Stream> open, ZipFiles? archived)
        : base(path)
    {
        (this.open, this.archived) = (open, archived);
        TorchContent content = TorchContent.Of(root);
        texts = own ?? content.Texts;
        foreach (var (name, tensor) in content.Tensors)
        {
            if (!tensors.TryAdd(name, tensor))
                throw new UserErrorException($"{path}: has two tensors named '{name}'");
            names.Add(name);
        }
        if (names.Count == 0)
        {
            throw new UserErrorException($"{path}: {(content.Module is { } module
                ? string.Format(null, WholeModule, module)
                : "is a PyTorch file without tensors")}");
        }
    }

    public override IReadOnlyCollection<string> Names => names;

    public override IReadOnlyDictionary<string, string> Metadata => texts;

    /// <summary>Opens a zip archive.</summary>
    /// <exception cref="UserErrorException">It is damaged, or holds a whole module or no tensors.</exception>
    public static TorchFile OpenArchive(string path)
    {
        ZipFiles files = new(path);
        try
        {
            return Reading(path, () => files.Read(archive => Of(path, files, archive)));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    private static TorchFile Of(string path, ZipFiles files, ZipArchive archive)
    {
        string[] pickles = [.. archive.Entries.Select(entry => entry.FullName).Where(IsPickle)];
        if (pickles.Length > 1)
            throw new UserErrorException($"{path}: is damaged: it has {pickles.Length} files data.pkl");
        string folder = pickles[0][..^"data.pkl".Length];
        if (archive.GetEntry($"{folder}constants.pkl") is not null)
        {
            throw new UserErrorException(
                $"{path}: is a TorchScript program, not weights: in Python, torch.save(module.state_dict(), 'FILE.pt')");
        }
        if (archive.GetEntry($"{folder}byteorder") is { } order && Encoding.ASCII.GetString(Whole(order)).Trim() != "little")
            throw new UserErrorException($"{path}: was written by a big-endian machine");
        TorchUnpickler unpickler = new(path);
        ZipArchiveEntry pickle = archive.GetEntry(pickles[0])!;
        files.CheckLength(pickle);
        (object? root, _) = unpickler.Read(Whole(pickle), 0);
        Dictionary<string, string>? own =
            archive.GetEntry(folder + TorchWriter.TextsFile) is { } beside ? Texts(path, Whole(beside)) : null;
        foreach (TorchStorage storage in unpickler.Storages.Values)
        {
            if (archive.GetEntry($"{folder}data/{storage.Key}") is not { } entry || entry.Length < storage.Length * storage.Size)
                throw new InvalidDataException($"storage {storage.Key} is missing or too short");
            files.CheckLength(entry);
        }
        return new TorchFile(path, root, own, storage => files.Open($"{folder}data/{storage.Key}"), files);

        static bool IsPickle(string name) => name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal);
    }

    /// <summary>Opens a file of the earlier format.</summary>
    /// <exception cref="UserErrorException">It is damaged, or holds a whole module or no tensors.</exception>
    public static TorchFile OpenLegacy(string path) => Reading(path, () =>
    {
        using FileStream file = File.OpenRead(path);
        byte[] start = new byte[Math.Min(file.Length, MostPickle)];
        file.ReadExactly(start);
        TorchUnpickler unpickler = new(path);
        (_, int at) = unpickler.Read(start, 0);
        (_, at) = unpickler.Read(start, at);
        (object? system, at) = unpickler.Read(start, at);
        if (system is not Hashtable values || values["little_endian"] is not true)
            throw new UserErrorException($"{path}: was written by a big-endian machine");
        (object? root, at) = unpickler.Read(start, at);
        (object? keys, at) = unpickler.Read(start, at);
        if (keys is not ArrayList list)
            throw new InvalidDataException("its list of storages is missing");
        file.Position = at;
        byte[] length = new byte[sizeof(long)];
        HashSet<string> found = [];
        foreach (object? key in list)
        {
            file.ReadExactly(length);
            long elements = BinaryPrimitives.ReadInt64LittleEndian(length);
            if (key is not string name || !unpickler.Storages.TryGetValue(name, out TorchStorage? storage) || storage.Length != elements)
                throw new InvalidDataException($"storage {key} is not of this file");
            storage.Offset = file.Position;
            found.Add(name);
            if (elements * storage.Size > file.Length - file.Position)
                throw new EndOfStreamException();
            file.Position += elements * storage.Size;
        }
        if (unpickler.Storages.Keys.FirstOrDefault(key => !found.Contains(key)) is { } missing)
            throw new InvalidDataException($"storage {missing} is missing");
        return new TorchFile(path, root, null, storage =>
        {
            FileStream stream = File.OpenRead(path);
            stream.Position = storage.Offset;
            return stream;
        }, null);
    });

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing)
            archived?.Dispose();
        base.Dispose(isDisposing);
    }

    private protected override TensorEntry? Find(string name) => tensors.GetValueOrDefault(name);

    private protected override Stream OpenData(TensorEntry entry)
    {
        var tensor = (TorchTensor)entry;
        int size = tensor.Dtype!.Value.Size();
        Stream stream = open(tensor.Storage!);
        try
        {
            Skip(stream, tensor.First * size);
            if (ElementOrder.IsRowMajor(tensor.Shape, tensor.Strides))
                return stream;
            byte[] bytes = new byte[checked((int)(ElementOrder.Extent(tensor.Shape, tensor.Strides) * size))];
            stream.ReadExactly(bytes);
            stream.Dispose();
            return new MemoryStream(ElementOrder.Gather(bytes, size, tensor.Shape, tensor.Strides));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static void Skip(Stream stream, long bytes)
    {
        if (stream.CanSeek)
        {
            stream.Position += bytes;
            return;
        }
        byte[] buffer = new byte[Math.Min(bytes, 1 << 16)];
        for (; bytes > 0; bytes -= buffer.Length)
            stream.ReadExactly(buffer.AsSpan(0, (int)Math.Min(bytes, buffer.Length)));
    }

    private static Dictionary<string, string>? Texts(string path, byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, TextsJson.Default.DictionaryStringString);
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{path}: its {TorchWriter.TextsFile} is damaged: {e.Message}", e);
        }
    }

    private static byte[] Whole(ZipArchiveEntry entry)
    {
        if (entry.Length > MostPickle)
            throw new InvalidDataException($"{entry.Name} has {entry.Length} bytes, more than any state dict's");
        using Stream stream = entry.Open();
        using MemoryStream bytes = new();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
