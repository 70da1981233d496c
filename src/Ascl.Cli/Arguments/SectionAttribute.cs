namespace Ascl.Cli.Arguments;

/// <summary>Heading in a verb's help above this option and those after it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SectionAttribute(string heading) : Attribute
{
    public string Heading => heading;
}
