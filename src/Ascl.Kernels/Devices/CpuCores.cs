using System.Globalization;
using Ascl.Kernels.Linux;

namespace Ascl.Kernels.Devices;

/// <summary>The cores of this machine.</summary>
public static class CpuCores
{
    private const string OnlineFile = "/sys/devices/system/cpu/online";

    /// <summary>Numbers of the cores that this process may use; empty where the system does not tell.</summary>
    public static IReadOnlyList<int> Available() => LinuxThreads.AvailableCores();

    /// <summary>Number of cores of the machine, whether this process may use them or not.</summary>
    public static int OfMachine()
    {
        if (!File.Exists(OnlineFile))
            return Environment.ProcessorCount;
        return File.ReadAllText(OnlineFile).Trim().Split(',').Sum(range =>
        {
            int[] ends = [.. range.Split('-').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
            return ends[^1] - ends[0] + 1;
        });
    }
}
