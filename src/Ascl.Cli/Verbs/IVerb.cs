namespace Ascl.Cli.Verbs;

/// <summary>One command of the program: an options class (attributes of CommandLineParser) that can run.</summary>
public interface IVerb
{
    /// <summary>Runs the verb. Results go to standard output; exceptions are turned into messages and exit codes by
    /// <see cref="Program"/>.</summary>
    /// <param name="stop">Asked to stop (Ctrl-C).</param>
    /// <returns>The process's exit code: 0, or 1 where a check failed.</returns>
    int Run(CancellationToken stop);
}
