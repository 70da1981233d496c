using System.Diagnostics;

namespace Ascl.Cli.Tests.Mpi;

/// <summary>Hosts on this machine: network namespaces on a bridge, each with a host name of its own, and a script in the place of
/// ssh.</summary>
internal sealed class Hosts : IDisposable
{
    private const string Bridge = "asclbr", Network = "10.78.0";
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-hosts-").FullName;
    private readonly int count;

    public Hosts(int count)
    {
        this.count = count;
        Remove();
        Ip("link", "add", Bridge, "type", "bridge");
        Ip("link", "set", Bridge, "up");
        for (int i = 0; i < count; i++)
        {
            Ip("netns", "add", $"ascl{i}");
            Ip("link", "add", $"asclv{i}", "type", "veth", "peer", "name", "eth0", "netns", $"ascl{i}");
            Ip("link", "set", $"asclv{i}", "master", Bridge, "up");
            Ip("-n", $"ascl{i}", "addr", "add", $"{Network}.{i + 1}/24", "dev", "eth0");
            Ip("-n", $"ascl{i}", "link", "set", "eth0", "up");
            Ip("-n", $"ascl{i}", "link", "set", "lo", "up");
        }
        File.WriteAllLines(HostFile, Enumerable.Range(1, count).Select(i => $"{Network}.{i} slots=1"));
        File.WriteAllText(Agent, $"""
            #!/bin/sh
            host=$1; shift
            i=$((${"{"}host##*.{"}"} - 1))
            exec ip netns exec ascl$i unshare --uts sh -c "hostname host$i; $*"
            """ + "\n");
        AsclProcess.Run(new ProcessStartInfo("chmod", ["+x", Agent]));
    }

    private string HostFile => Path.Combine(folder, "hosts");

    private string Agent => Path.Combine(folder, "agent");

    /// <summary>The start of one rank on each host.</summary>
    public ProcessStartInfo Ranks(params IEnumerable<string> arguments) => new("ip",
    [
        "netns", "exec", "ascl0", "unshare", "--uts", "sh", "-c", "hostname host0; exec \"$@\"", "sh",
        "mpirun", "--allow-run-as-root", "--bind-to", "none", "--hostfile", HostFile, "--mca", "plm_rsh_agent", Agent,
        "--mca", "oob_tcp_if_include", $"{Network}.0/24", "--mca", "btl_tcp_if_include", $"{Network}.0/24", "-n", $"{count}",
        "dotnet", AsclProcess.Program, .. arguments,
    ]);

    public void Dispose()
    {
        Remove();
        Directory.Delete(folder, recursive: true);
    }

    private void Remove()
    {
        for (int i = 0; i < count; i++)
            AsclProcess.Run(new ProcessStartInfo("ip", ["netns", "del", $"ascl{i}"]));
        AsclProcess.Run(new ProcessStartInfo("ip", ["link", "del", Bridge]));
    }

    private static void Ip(params string[] arguments)
    {
        ProcessResult result = AsclProcess.Run(new ProcessStartInfo("ip", arguments));
        Assert.True(result.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {result.Error}");
    }
}
