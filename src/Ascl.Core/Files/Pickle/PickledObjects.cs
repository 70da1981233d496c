using System.Collections;
using Razorvine.Pickle;

namespace Ascl.Core.Files.Pickle;

/// <summary>A class or function that a pickle names. Nothing of it exists here: what is made of it is a record of how it was
/// called.</summary>
internal sealed class PickledClass(string name, Func<PickledClass, object?[], object?> make) : IObjectConstructor
{
    /// <summary>Module and name, as in collections.OrderedDict.</summary>
    public string Name => name;

    public object? construct(object?[] args) => make(this, args);
}

/// <summary>An object of a class that is not known here, or of a dictionary class: its items are those of the dictionary.</summary>
internal sealed class PickledObject(string className, object?[] arguments) : Hashtable
{
    /// <summary>Module and name of its class or function.</summary>
    public string ClassName => className;

    /// <summary>What it was made from.</summary>
    public IReadOnlyList<object?> Arguments => arguments;

    /// <summary>Its attributes, often a dictionary; null if none were stored.</summary>
    public object? State { get; private set; }

#pragma warning disable IDE1006, SA1300 // The unpickler calls the method by Python's name.
    public void __setstate__(object state) => State = state;
#pragma warning restore IDE1006, SA1300
}
