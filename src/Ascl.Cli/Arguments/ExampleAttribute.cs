namespace Ascl.Cli.Arguments;

/// <summary>A line in a verb's help: what one wants, and what to type.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
internal sealed class ExampleAttribute(string what, string arguments) : Attribute
{
    public string What => what;
    public string Arguments => arguments;
}
