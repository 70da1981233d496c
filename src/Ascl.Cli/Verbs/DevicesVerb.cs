using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Simd;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("devices", HelpText = "Shows what this machine can compute on.")]
[Example("See which instructions and how many cores the kernels will use", "")]
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
            ? "No CUDA device: no NVIDIA driver with a GPU was found."
            : "--device cuda computes on the first CUDA device; auto stays on the CPU.");
        return 0;
    }

    /// <summary>The blocks of /proc/cpuinfo, one a hardware thread; none where there is no such file.</summary>
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

    /// <summary>The mode in brackets in "always [madvise] never".</summary>
    private static string HugePageMode()
    {
        string modes = File.Exists(HugePages) ? File.ReadAllText(HugePages) : "";
        return modes.Split('[', ']') is [_, var mode, _] ? mode == "never" ? "off" : $"on ({mode})" : "unknown";
    }
}
