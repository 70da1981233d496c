namespace Ascl.Cli.Arguments;

/// <summary>Starts a section of a verb's help page with this option.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SectionAttribute(string heading) : Attribute
{
    public string Heading => heading;
}
