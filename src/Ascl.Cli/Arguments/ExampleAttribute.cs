namespace Ascl.Cli.Arguments;

/// <summary>An example in a verb's help: what it does, and the arguments to type.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
internal sealed class ExampleAttribute(string what, string arguments) : Attribute
{
    public string What => what;
    public string Arguments => arguments;
}
