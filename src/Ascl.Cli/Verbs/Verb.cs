using System.Reflection;
using Ascl.Cli.Arguments;
using Ascl.Core.Diagnostics;
using CommandLine;

namespace Ascl.Cli.Verbs;

/// <summary>A verb of the command line.</summary>
/// <param name="Name">One or two words: "train", "data show".</param>
/// <param name="Help">One-line description.</param>
/// <param name="Arguments">The class that declares its options.</param>
/// <param name="Read">Parses the arguments after the name.</param>
internal sealed record Verb(string Name, string Help, Type Arguments, Func<string[], IVerb> Read)
{
    /// <summary>All verbs, in the order of the help page.</summary>
    public static IReadOnlyList<Verb> All { get; } =
    [
        Of<TrainVerb>(),
        Of<SweepVerb>(),
        Of<CompareVerb>(),
        Of<ReportVerb>(),
        Of<EvaluateVerb>(),
        Of<StudyVerb>(),
        Of<ExportVerb>(),
        Of<ConvertVerb>(),
        Of<DataShowVerb>(),
        Of<DevicesVerb>(),
        Of<VerifyVerb>(),
        Of<GradcheckVerb>(),
        Of<BenchVerb>(),
        Of<ProfileVerb>(),
    ];

    /// <summary>The verb that the arguments begin with, and the arguments after it.</summary>
    /// <exception cref="UserErrorException">The arguments begin with no verb.</exception>
    public static (Verb Verb, string[] Arguments) Find(string[] args)
    {
        foreach (Verb verb in All)
        {
            string[] words = verb.Name.Split(' ');
            if (args.Take(words.Length).SequenceEqual(words))
                return (verb, args[words.Length..]);
        }
        Verb? incomplete = All.FirstOrDefault(verb => verb.Name.StartsWith($"{args[0]} ", StringComparison.Ordinal));
        bool isTwoWords = incomplete is not null && args.Length > 1 && !args[1].StartsWith('-');
        string given = isTwoWords ? $"{args[0]} {args[1]}" : args[0];
        string? near = NearestName.Of(given, All.Select(verb => verb.Name)) ?? incomplete?.Name;
        string suggestion = near is null ? "" : $"did you mean {near}? ";
        throw new UserErrorException($"unknown command '{given}': {suggestion}(ascl --help lists them)");
    }

    private static Verb Of<T>() where T : VerbArguments, IVerb
    {
        VerbAttribute attribute = typeof(T).GetCustomAttribute<VerbAttribute>()!;
        return new(attribute.Name, attribute.HelpText, typeof(T), args => ArgumentReader.Read<T>(attribute.Name, args));
    }
}
