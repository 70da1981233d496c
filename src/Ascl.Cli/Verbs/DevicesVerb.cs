using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Simd;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("devices", HelpText = "Lists the devices that ascl can compute on.")]
[Example("The CPU with its vector instructions and cores, and GPUs", "")]
internal sealed class DevicesVerb : VerbArguments, IVerb
{
    private const string CpuInfo = "/proc/cpuinfo", HugePages = "/sys/kernel/mm/transparent_hugepage/enabled";

    public int Run(CancellationToken stop)
    {
        Dictionary<string, string>[] processors = Processors();
        int cores = processors.Select(p => (p.GetValueOrDefault("physical id"),
            p.GetValueOrDefault("core id") ?? p.GetValueOrDefault("processor")))
            .Distinct().Count();
        double gibibytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        var table = new ResultTable("device", "property", "value");
        table.Add("cpu", "name", processors.FirstOrDefault()?.GetValueOrDefault("model name") ?? "unknown");
        table.Add("cpu", "instructions", $"{SimdWidth.InstructionSet} ({SimdWidth.Current} floats a vector)");
        table.Add("cpu", "cores", cores > 0 ? $"{cores}" : "unknown");
        table.Add("cpu", "threads", $"{Environment.ProcessorCount}");
        table.Add("cpu", "memory", $"{gibibytes:F1} GiB");
        table.Add("cpu", "huge pages", HugePageMode());
        IReadOnlyList<string> gpus = CudaDevice.Available();
        foreach (string name in gpus)
        {
            string[] parts = name.Split(": ", 2);
            table.Add(parts[0], "name", parts[1]);
        }
        table.Print();
        Console.WriteLine(gpus.Count == 0
            ? "No CUDA device: found no NVIDIA GPU with a driver."
            : "--device cuda uses the first CUDA device; --device auto uses the CPU.");
        return 0;
    }

    /// <summary>The blocks of /proc/cpuinfo, one per hardware thread; empty if the file does not exist.</summary>
    private static Dictionary<string, string>[] Processors()
    {
        if (!File.Exists(CpuInfo))
            return [];
        return
        [
            .. File.ReadAllText(CpuInfo).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(block => block.Split('\n')
                .Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries))
                .Where(pair => pair.Length == 2)
                .DistinctBy(pair => pair[0])
                .ToDictionary(pair => pair[0], pair => pair[1])),
        ];
    }

    /// <summary>The bracketed mode in "always [madvise] never".</summary>
    private static string HugePageMode()
    {
        string modes = File.Exists(HugePages) ? File.ReadAllText(HugePages) : "";
        return modes.Split('[', ']') is [_, var mode, _] ? mode == "never" ? "off" : $"on ({mode})" : "unknown";
    }
}
