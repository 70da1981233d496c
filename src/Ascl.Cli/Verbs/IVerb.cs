namespace Ascl.Cli.Verbs;

/// <summary>A command of the program: a class of options (with attributes of CommandLineParser) that can run.</summary>
public interface IVerb
{
    /// <summary>Of a verb, or options of it, that several processes of a launcher (mpirun, srun) may not run, because each would do all
    /// of the work and write the same files: what to do instead. Null if they may.</summary>
    string? InsteadOfProcesses => "start it as one process, without the launcher";

    /// <summary>Runs the verb, and prints its results to standard output. <see cref="Program"/> turns exceptions into messages and exit
    /// codes.</summary>
    /// <param name="stop">Cancelled by Ctrl-C.</param>
    /// <returns>The exit code of the process: 0, or 1 if a check failed.</returns>
    int Run(CancellationToken stop);
}
