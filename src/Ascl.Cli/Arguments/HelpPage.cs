using System.Reflection;
using System.Text;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>The help of the program and of each verb, as plain text.</summary>
internal static class HelpPage
{
    private const int Width = 100;
    private const int OptionColumn = 30;

    /// <param name="verbs">Name and one-line description of each verb.</param>
    public static string OfProgram(IEnumerable<(string Name, string Help)> verbs)
    {
        var page = new StringBuilder();
        page.AppendLine("""
            ascl trains image classifiers that are robust to adversarial examples, and measures how robust they are.

            An adversarial example is an image with a small perturbation (at most ε per pixel) that makes the
            classifier wrong. Adversarial training crafts such images for every batch and trains on them. ASCL
            (Bui et al. 2021, arXiv 2101.10027) adds a contrastive loss: it pulls together the latents of images
            of the same class, natural and adversarial, and pushes apart those of classes that the network confuses.

            Usage: ascl COMMAND [options]

            First steps
              ascl train                               train on the built-in images; the run goes to runs/ascl-1
              ascl evaluate --weights runs/ascl-1      attack the trained classifier
              ascl train --help                        all options, with examples

            Commands
            """);
        foreach (var (name, help) in verbs)
            AppendEntry(page, $"  {name}", help, 16);
        page.AppendLine("""

            ascl COMMAND --help shows the options of a command, with examples. ascl --version prints the version.
            Numbers may be fractions (--epsilon 8/255). Options can also be read from a file (--config FILE.json).
            Exit codes: 0 success; 1 a check failed, or a bug in ascl; 2 wrong input; 130 interrupted by Ctrl-C.
            Environment: ASCL_DEBUG=1 logs chosen devices and stack traces of errors; ASCL_DEBUG=2 times every kernel.
            """);
        return page.ToString();
    }

    /// <param name="name">Name of the verb.</param>
    /// <param name="help">Its one-line description.</param>
    /// <param name="arguments">The class that declares its options.</param>
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
        {
            page.AppendLine(example.What.EndsWith('?') ? $"  {example.What}" : $"  {example.What}:");
            page.AppendLine($"    ascl {name} {example.Arguments}".TrimEnd());
        }
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

    /// <summary>A name, and beside it a text that is wrapped at word boundaries and indented to a column.</summary>
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
