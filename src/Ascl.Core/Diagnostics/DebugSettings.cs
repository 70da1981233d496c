namespace Ascl.Core.Diagnostics;

/// <summary>Debug switches.</summary>
public static class DebugSettings
{
    /// <summary>ASCL_DEBUG: 0 off, 1 prints the devices and algorithms chosen, 2 every kernel, 3 the recorded graph.</summary>
    public static readonly int Level = int.TryParse(ProcessEnvironment.Variable("ASCL_DEBUG"), out int level) ? level : 0;

    /// <summary>ASCL_CHECK=nan: stop at the first op whose output is not finite.</summary>
    public static readonly bool CheckNaN = ProcessEnvironment.Variable("ASCL_CHECK") == "nan";

    private static readonly HashSet<string> Said = [];

    /// <summary>Prints a choice the engine made if ASCL_DEBUG is 1 or more; the same text is printed once.</summary>
    public static void Say(string choice)
    {
        if (Level >= 1)
            Warn(choice);
    }

    /// <summary>Prints a warning: the program continues, but not as the user asked. The same text is printed once.</summary>
    public static void Warn(string problem)
    {
        lock (Said)
            if (Said.Add(problem))
                Console.Error.WriteLine($"ascl: {problem}");
    }
}
