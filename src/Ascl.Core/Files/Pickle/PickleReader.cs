using System.Collections;
using Ascl.Core.Diagnostics;
using Razorvine.Pickle;

namespace Ascl.Core.Files.Pickle;

/// <summary>
/// Reads pickles without executing anything: numbers, texts, lists (<see cref="ArrayList"/>), tuples (arrays), dictionaries
/// (<see cref="Hashtable"/>), and for objects of all classes a <see cref="PickledObject"/>, or what the caller makes of the classes that
/// it knows.
/// </summary>
internal sealed class PickleReader : Unpickler
{
    /// <summary>Modules whose functions run programs, read files or load code when a pickle calls them.</summary>
    private static readonly HashSet<string> RunningModules =
    [
        "os", "posix", "nt", "subprocess", "commands", "sys", "shutil", "socket", "importlib", "runpy", "pty", "webbrowser", "ctypes",
        "pdb", "bdb", "timeit", "marshal", "urllib.request", "requests", "pip", "torch.hub",
    ];

    private static readonly HashSet<string> RunningBuiltins =
        ["eval", "exec", "execfile", "compile", "open", "input", "breakpoint", "__import__", "getattr", "setattr", "apply"];

    /// <summary>The library's table of classes is one for the whole process.</summary>
    private static readonly Lock Table = new();

    private readonly Func<object?[], object> storage;

    private PickleReader(Func<object?[], object> storage) => this.storage = storage;

    /// <summary>Reads the pickle that begins at an offset.</summary>
    /// <param name="path">The file in messages.</param>
    /// <param name="data">Holds it.</param>
    /// <param name="start">Its first byte.</param>
    /// <param name="known">Makes what is wanted of classes and functions by their names; others become a
    /// <see cref="PickledObject"/>.</param>
    /// <param name="persistent">Makes what a persistent id stands for; null where there are none.</param>
    /// <returns>The object, and the offset after the pickle.</returns>
    /// <exception cref="UserErrorException">It would run a program where Python opens it.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    /// <exception cref="EndOfStreamException">The data end before it does.</exception>
    public static (object? Value, int End) Read(
        string path, byte[] data, int start, IReadOnlyDictionary<string, Func<object?[], object?>> known,
        Func<object?[], object>? persistent = null)
    {
        (int end, IReadOnlyCollection<(string Module, string Name)> globals) = PickleScan.Of(data, start);
        foreach (var (module, name) in globals)
        {
            if (RunningModules.Contains(module) || (module is "builtins" or "__builtin__" && RunningBuiltins.Contains(name)))
            {
                throw new UserErrorException(
                    $"{path}: calls {module}.{name} when Python opens it, as malicious files do; nothing of it was run here");
            }
        }
        lock (Table)
        {
            Dictionary<string, IObjectConstructor?> before = [];
            try
            {
                foreach (var (module, name) in globals)
                {
                    // The library's own forms of Python's sets and bytes are good; what it makes of other classes can fail.
                    string full = $"{module}.{name}";
                    bool isKnown = objectConstructors.TryGetValue(full, out IObjectConstructor? own);
                    if (isKnown && (module is "builtins" or "__builtin__" or "_codecs"))
                        continue;
                    before[full] = own;
                    registerConstructor(module, name, new PickledClass(full, Make));
                }
                using PickleReader reader = new(persistent ?? (_ => throw new InvalidDataException("it has a persistent id")));
                return (reader.loads(data[start..end]), end);
            }
            // What the library throws for a sequence of opcodes that makes no sense depends on where it notices.
            catch (Exception e) when (e is not (InvalidDataException or UserErrorException or OutOfMemoryException))
            {
                throw new InvalidDataException("its pickle is not well-formed", e);
            }
            finally
            {
                foreach (var (name, own) in before)
                {
                    objectConstructors.Remove(name);
                    if (own is not null)
                        objectConstructors.Add(name, own);
                }
            }
        }

        object? Make(PickledClass of, object?[] arguments) =>
            known.TryGetValue(of.Name, out Func<object?[], object?>? make) ? make(arguments) : new PickledObject(of.Name, arguments);
    }

    protected override object persistentLoad(object pid) =>
        storage(pid as object?[] ?? throw new InvalidDataException("a persistent id that is no tuple"));
}
