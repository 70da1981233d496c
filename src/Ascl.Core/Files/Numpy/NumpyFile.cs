using System.IO.Compression;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files.Numpy;

/// <summary>NumPy arrays: an .npz archive, .npy files, or a directory of them. Arrays of Python objects are pickles and are not
/// read.</summary>
internal sealed class NumpyFile : TensorFile
{
    private const string Extension = ".npy";

    private readonly Dictionary<string, NumpyEntry> arrays = [];
    private readonly List<string> names = [];
    private ZipFiles? archived;

    private NumpyFile(string path) : base(path)
    {
    }

    public override IReadOnlyCollection<string> Names => names;

    /// <summary>Opens all .npy files of a directory, each under its name without the extension.</summary>
    /// <exception cref="UserErrorException">There are none, or one is damaged.</exception>
    public static NumpyFile OpenDirectory(string path)
    {
        string[] files = Reading(path, () => Directory.GetFiles(path, "*" + Extension));
        return files.Length > 0
            ? OpenFiles(path, [.. files.Order(StringComparer.Ordinal).Select(file => (NameOf(file), file))])
            : throw new UserErrorException($"{path}: is a directory without {Extension} files");
    }

    /// <summary>Opens .npy files under given names.</summary>
    /// <exception cref="UserErrorException">A file is missing or damaged.</exception>
    public static NumpyFile OpenFiles(string path, IReadOnlyList<(string Name, string Path)> files)
    {
        NumpyFile all = new(path);
        foreach (var (name, file) in files)
        {
            Reading(file, () =>
            {
                FileProblem.RequireContent(file);
                using FileStream stream = File.OpenRead(file);
                all.Add(name, NumpyHeader.Read(file, stream, stream.Length) with { Open = () => File.OpenRead(file) });
                return true;
            });
        }
        return all;
    }

    /// <summary>Opens an .npz archive.</summary>
    /// <exception cref="UserErrorException">It is damaged.</exception>
    public static NumpyFile OpenArchive(string path)
    {
        ZipFiles files = new(path);
        NumpyFile all = new(path) { archived = files };
        try
        {
            return Reading(path, () => files.Read(archive =>
            {
                foreach (ZipArchiveEntry entry in archive.Entries)
                    all.AddArchived(files, entry);
                return all;
            }));
        }
        catch
        {
            all.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing)
            archived?.Dispose();
        base.Dispose(isDisposing);
    }

    private protected override TensorEntry? Find(string name) => arrays.GetValueOrDefault(name);

    private protected override Stream OpenData(TensorEntry entry)
    {
        var array = (NumpyEntry)entry;
        Stream stream = array.Open();
        try
        {
            stream.ReadExactly(new byte[array.Start]);
            if (array is { IsColumnMajor: false, IsBigEndian: false })
                return stream;
            int size = array.Dtype!.Value.Size();
            byte[] bytes = new byte[checked((int)(Elements(array.Shape) * size))];
            stream.ReadExactly(bytes);
            stream.Dispose();
            if (array.IsBigEndian)
                ElementOrder.SwapBytes(bytes, size);
            return new MemoryStream(array.IsColumnMajor
                ? ElementOrder.Gather(bytes, size, array.Shape, ElementOrder.ColumnMajor(array.Shape))
                : bytes);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private void AddArchived(ZipFiles files, ZipArchiveEntry entry)
    {
        files.CheckLength(entry);
        string name = entry.FullName;
        using Stream stream = entry.Open();
        if (!Add(NameOf(name), NumpyHeader.Read($"{Path}: {name}", stream, entry.Length) with { Open = () => files.Open(name) }))
            throw new UserErrorException($"{Path}: has two arrays named {NameOf(name)}");
    }

    private bool Add(string name, NumpyEntry array)
    {
        names.Add(name);
        return arrays.TryAdd(name, array);
    }

    private static string NameOf(string file)
    {
        string name = file[(file.Replace('\\', '/').LastIndexOf('/') + 1)..];
        return name.EndsWith(Extension, StringComparison.Ordinal) ? name[..^Extension.Length] : name;
    }
}
