namespace Ascl.Cli.Verbs;

/// <summary>A command of the program: a class of options (with attributes of CommandLineParser) that can run.</summary>
public interface IVerb
{
    /// <summary>Runs the verb, and prints its results to standard output. <see cref="Program"/> turns exceptions into messages and exit
    /// codes.</summary>
    /// <param name="stop">Cancelled by Ctrl-C.</param>
    /// <returns>The exit code of the process: 0, or 1 if a check failed.</returns>
    int Run(CancellationToken stop);
}
