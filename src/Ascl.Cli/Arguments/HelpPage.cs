using System.Reflection;
using System.Text;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>The help of the program and of each verb, as plain text.</summary>
internal static class HelpPage
{
    private const int Width = 100;
    private const int OptionColumn = 30;

    /// <param name="verbs">Their names and what they do.</param>
    public static string OfProgram(IEnumerable<(string Name, string Help)> verbs)
    {
        var page = new StringBuilder();
        page.AppendLine("""
            ascl trains image classifiers that withstand adversarial examples, and measures how well they do.

            An adversarial example is an image changed by at most ε a pixel so that the classifier gets it wrong.
            Adversarial training shows the network such images while it learns; ASCL (Bui et al. 2021,
            arXiv 2101.10027) adds a contrastive term: it draws together the latents of one class, natural and
            adversarial ones, and pushes apart those of classes that the network confuses.

            Usage: ascl COMMAND [options]

            Commands
            """);
        foreach (var (name, help) in verbs)
            AppendEntry(page, $"  {name}", help, 16);
        page.AppendLine("""

            ascl COMMAND --help tells about one command, with examples; ascl --version prints the version.
            Numbers may be fractions (--epsilon 8/255). Options may stand in a file too (--config FILE.json).
            Exit codes: 0 done; 1 a check failed, or an error in ascl; 2 something given is wrong; 130 Ctrl-C.
            ASCL_DEBUG=1 tells what was chosen and where an error came from; ASCL_DEBUG=2 times every kernel.
            """);
        return page.ToString();
    }

    /// <param name="name">The verb's name.</param>
    /// <param name="help">What it does.</param>
    /// <param name="arguments">Its class.</param>
    public static string OfVerb(string name, string help, Type arguments)
    {
        var page = new StringBuilder();
        ValueAttribute[] values =
        [
            .. arguments.GetProperties().Select(p => p.GetCustomAttribute<ValueAttribute>()).OfType<ValueAttribute>().Where(v => !v.Hidden),
        ];
        page.AppendLine(help).AppendLine();
        page.AppendLine($"Usage: ascl {name}{string.Concat(values.Select(value => $" {value.MetaName}"))} [options]").AppendLine();
        page.AppendLine("Examples");
        foreach (ExampleAttribute example in arguments.GetCustomAttributes<ExampleAttribute>())
            page.AppendLine($"  {example.What}:").AppendLine($"    ascl {name} {example.Arguments}".TrimEnd());
        if (values.Length > 0)
            page.AppendLine().AppendLine("Arguments");
        foreach (ValueAttribute value in values)
            AppendEntry(page, $"  {value.MetaName}", value.HelpText, OptionColumn);
        AppendOptions(page, arguments);
        return page.ToString();
    }

    private static void AppendOptions(StringBuilder page, Type arguments)
    {
        var defaults = (VerbArguments)Activator.CreateInstance(arguments)!;
        Type? declaring = null;
        bool isGeneral = false;
        foreach (VerbOption option in VerbOption.Of(arguments))
        {
            bool isInherited = option.Property.DeclaringType != arguments && option.Property.DeclaringType!.IsAssignableFrom(arguments);
            string? heading = option.Property.GetCustomAttribute<SectionAttribute>()?.Heading
                ?? (declaring is null ? "Options" : isInherited && !isGeneral ? "General" : null);
            if (heading is not null)
                page.AppendLine().AppendLine(heading);
            declaring = option.Property.DeclaringType;
            isGeneral |= isInherited;
            string ending = defaults.DefaultOf(option.Name) is { } value ? $" (default: {value})" : "";
            AppendEntry(page, $"  --{option.Name} {option.Attribute.MetaValue}".TrimEnd(), option.Attribute.HelpText + ending,
                OptionColumn);
        }
    }

    /// <summary>A name, and beside it from a column on a text in lines of whole words.</summary>
    private static void AppendEntry(StringBuilder page, string name, string text, int column)
    {
        var line = new StringBuilder(name.Length < column ? name.PadRight(column) : name + "  ");
        bool empty = true;
        foreach (string word in text.Split(' '))
        {
            if (!empty && line.Length + 1 + word.Length > Width)
            {
                page.AppendLine(line.ToString());
                line.Clear().Append(' ', column);
                empty = true;
            }
            line.Append(empty ? "" : " ").Append(word);
            empty = false;
        }
        page.AppendLine(line.ToString());
    }
}
