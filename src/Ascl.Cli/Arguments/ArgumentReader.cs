using System.Globalization;
using System.Reflection;
using Ascl.Core.Diagnostics;
using CommandLine;

namespace Ascl.Cli.Arguments;

/// <summary>Parses a verb's arguments, together with the file that --config names.</summary>
internal static class ArgumentReader
{
    private const string Prefix = "--";

    /// <exception cref="UserErrorException">The arguments are wrong; the message names the first error.</exception>
    public static T Read<T>(string verb, string[] args) where T : VerbArguments
    {
        IReadOnlyList<VerbOption> options = VerbOption.Of(typeof(T));
        HashSet<string> given = [.. OptionTokens(args).Select(token => token[Prefix.Length..].Split('=')[0])];
        CheckValues(args, options);
        string? config = ValueOf("config", args);
        string[] fromFile = config is null ? [] : [.. ConfigFile.Arguments(config, options, given)];
        string[] all = [.. fromFile, .. args];

        using var parser = new Parser(settings =>
        {
            settings.HelpWriter = null;
            settings.AutoHelp = false;
            settings.AutoVersion = false;
            settings.EnableDashDash = true;
            settings.ParsingCulture = CultureInfo.InvariantCulture;
        });
        ParserResult<T> result = parser.ParseArguments(() => (T)Activator.CreateInstance(SettingOptions.Extend(typeof(T)))!, all);
        if (result is NotParsed<T> failed)
            throw new UserErrorException(Describe(verb, failed.Errors.First(), options, all, fromFile, config));
        if (result.Value.Extra.FirstOrDefault() is { } extra)
            throw new UserErrorException($"'{extra}' is an unexpected argument (ascl {verb} --help)");
        return result.Value;
    }

    private static IEnumerable<string> OptionTokens(string[] args) =>
        args.TakeWhile(arg => arg != Prefix).Where(arg => arg.StartsWith(Prefix, StringComparison.Ordinal));

    /// <summary>Rejects options without their value, which the parser would silently ignore.</summary>
    private static void CheckValues(string[] args, IReadOnlyList<VerbOption> options)
    {
        for (int i = 0; i < args.Length && args[i] != Prefix; i++)
        {
            bool takesValue = options.Any(option => !option.IsSwitch && args[i] == Prefix + option.Name);
            if (takesValue && (i + 1 == args.Length || args[i + 1].Length == 0 || args[i + 1].StartsWith(Prefix, StringComparison.Ordinal)))
                throw new UserErrorException($"option {args[i]} needs a value");
        }
    }

    private static string? ValueOf(string option, string[] args)
    {
        for (int i = 0; i < args.Length && args[i] != Prefix; i++)
        {
            if (args[i].StartsWith($"{Prefix}{option}=", StringComparison.Ordinal))
                return args[i][(Prefix.Length + option.Length + 1)..];
            if (args[i] == Prefix + option && i + 1 < args.Length)
                return args[i + 1];
        }
        return null;
    }

    private static string Describe(
        string verb, Error error, IReadOnlyList<VerbOption> options, string[] all, string[] fromFile, string? config)
    {
        switch (error)
        {
            case UnknownOptionError unknown:
                string? near = NearestName.Of(unknown.Token, options.Select(option => option.Name));
                string dashes = unknown.Token.Length == 1 ? "-" : Prefix;
                string suggestion = near is null ? "" : $"did you mean {Prefix}{near}? ";
                return $"unknown option '{dashes}{unknown.Token}': {suggestion}(ascl {verb} --help lists them)";
            case RepeatedOptionError repeated:
                return $"option {Prefix}{repeated.NameInfo.LongName} is given twice";
            case MissingRequiredOptionError required when required.NameInfo.LongName.Length > 0:
                return $"option {Prefix}{required.NameInfo.LongName} is missing (ascl {verb} --help)";
            // What the parser reports for "--out=" without a value.
            case BadFormatTokenError token:
                return $"{(fromFile.Contains(token.Token) ? $"{config}: " : "")}option {token.Token.TrimEnd('=')} needs a value";
            case MissingRequiredOptionError:
                return $"ascl {verb} needs an argument (ascl {verb} --help)";
            case BadFormatConversionError wrong when wrong.NameInfo.LongName.Length > 0:
                VerbOption option = options.First(option => option.Name == wrong.NameInfo.LongName);
                string where = ValueOf(option.Name, fromFile) is null ? "option " : $"{config}: option ";
                return $"{where}{Prefix}{option.Name}: {Problem(option.ValueType, ValueOf(option.Name, all) ?? "")}";
            default:
                return $"invalid arguments: {error.Tag} (ascl {verb} --help)";
        }
    }

    /// <summary>Why a text is not a value of a type.</summary>
    private static string Problem(Type type, string text)
    {
        if (type.GetConstructor([typeof(string)]) is { } constructor)
        {
            try
            {
                constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, [text], null);
            }
            catch (FormatException e)
            {
                return e.Message;
            }
        }
        string kind = type == typeof(bool) ? "true or false" : type == typeof(ulong) ? "a non-negative whole number" : "a whole number";
        return $"'{text}' is not {kind}";
    }
}
