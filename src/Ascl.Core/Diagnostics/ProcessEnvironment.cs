namespace Ascl.Core.Diagnostics;

/// <summary>Environment variables. Only this class reads them.</summary>
public static class ProcessEnvironment
{
    /// <summary>The value of a variable; null where it is not set.</summary>
    public static string? Variable(string name) => Environment.GetEnvironmentVariable(name);
}
