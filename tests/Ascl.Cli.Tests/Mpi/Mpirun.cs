using System.Diagnostics;

namespace Ascl.Cli.Tests.Mpi;

/// <summary>A test with real processes of Open MPI; skipped where there is no mpirun.</summary>
public sealed class MpirunFactAttribute : FactAttribute
{
    public MpirunFactAttribute() => Skip = Mpirun.Missing;
}

/// <summary>A test with real processes of Open MPI; skipped where there is no mpirun.</summary>
public sealed class MpirunTheoryAttribute : TheoryAttribute
{
    public MpirunTheoryAttribute() => Skip = Mpirun.Missing;
}

/// <summary>A test with several hosts, which are network namespaces; skipped where they cannot be made.</summary>
public sealed class HostsFactAttribute : FactAttribute
{
    public HostsFactAttribute() => Skip = Mpirun.Missing ?? (Environment.UserName == "root" && Mpirun.HasProgram("ip")
        ? null
        : "network namespaces need root and the program ip (iproute2)");
}

/// <summary>Starts ascl by mpirun of Open MPI.</summary>
internal static class Mpirun
{
    /// <summary>Why there is none; null if there is.</summary>
    public static string? Missing { get; } = !HasProgram("mpirun") ? "no mpirun on the PATH (Debian: openmpi-bin)"
        : Version().Contains("Open MPI", StringComparison.Ordinal) || Version().Contains("Open RTE", StringComparison.Ordinal)
            ? null
            : "mpirun is not Open MPI's";

    public static bool HasProgram(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(folder => File.Exists(Path.Combine(folder, name)));

    /// <summary>The start of several ranks on this host. A machine with fewer cores than ranks is no hindrance.</summary>
    public static ProcessStartInfo Ranks(int ranks, params IEnumerable<string> arguments) =>
        new("mpirun", ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", $"{ranks}", "dotnet", AsclProcess.Program,
            .. arguments]);

    /// <summary>The start of two ranks with arguments of their own.</summary>
    /// <param name="second">Options of mpirun for rank 1.</param>
    public static ProcessStartInfo Two(string[] arguments0, string[] second, string[] arguments1) =>
        new("mpirun", [.. Ranks(1, arguments0).ArgumentList, ":", .. second, "-n", "1", "dotnet", AsclProcess.Program, .. arguments1]);

    /// <summary>What ascl says, without what mpirun adds about processes that failed.</summary>
    public static string[] OwnLines(string error) =>
        [.. error.Split('\n').Where(line => line.StartsWith("ascl: ", StringComparison.Ordinal))];

    private static string Version()
    {
        ProcessResult result = AsclProcess.Run(new ProcessStartInfo("mpirun", ["--version"]));
        return result.Output + result.Error;
    }
}
