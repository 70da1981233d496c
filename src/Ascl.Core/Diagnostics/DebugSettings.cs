namespace Ascl.Core.Diagnostics;

/// <summary>The only place that reads the environment. ASCL_DEBUG: 1 devices and algorithms chosen, 2 every kernel, 3 the recorded graph.
/// ASCL_CHECK=nan: stop at the first op whose output is not finite.</summary>
public static class DebugSettings
{
    public static readonly int Level = int.TryParse(Environment.GetEnvironmentVariable("ASCL_DEBUG"), out int level) ? level : 0;
    public static readonly bool CheckNaN = Environment.GetEnvironmentVariable("ASCL_CHECK") == "nan";

    private static readonly HashSet<string> Said = [];

    /// <summary>Prints a choice the engine made, once each, where ASCL_DEBUG is 1 or more.</summary>
    public static void Say(string choice)
    {
        if (Level >= 1)
            Warn(choice);
    }

    /// <summary>Prints, once each, what does not go as it was meant to, though it goes.</summary>
    public static void Warn(string problem)
    {
        lock (Said)
            if (Said.Add(problem))
                Console.Error.WriteLine($"ascl: {problem}");
    }
}
