using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Profiling;
using Ascl.Robustness.Benchmarks;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("profile", HelpText = "Profiles a part of a training step kernel by kernel, and compares each kernel with the peak of the device.")]
[Example("A training step of ResNet-20", "--model resnet20 --what pgd-step")]
[Example("Layers of different shape separately, and a trace for Perfetto or chrome://tracing",
    "--model resnet18 --what attack-eval --shapes --trace attack.json")]
internal sealed class ProfileVerb : RandomArguments, IVerb
{
    [Option("model", MetaValue = "NAME", HelpText = $"Network: {SettingTexts.Networks}; or an ONNX file.")]
    public string Model { get; init; } = "resnet18";

    [Option("batch", MetaValue = "N", HelpText = "Batch size.")]
    public int Batch { get; init; } = 128;

    [Option("size", MetaValue = "PIXELS", HelpText = "Height and width of the images; 0: the usual size for the network.")]
    public int Size { get; init; }

    [Option("what", MetaValue = "NAME",
        HelpText = "Part to profile: forward, input-grad (gradient of the images), param-grad (gradient of the weights), "
            + "attack-eval (PGD) or pgd-step (a step of PGD adversarial training).")]
    public string What { get; init; } = "pgd-step";

    [Option("shapes", HelpText = "List each kernel once per tensor shape.")]
    public bool Shapes { get; init; }

    [Option("trace", MetaValue = "FILE.json", HelpText = "Write every kernel call to this file, as Chrome trace events.")]
    public string? Trace { get; init; }

    public int Run(CancellationToken stop)
    {
        if (Batch < 1)
            throw new UserErrorException("--batch must be at least 1");
        BenchVerb.CheckSize(Size);
        if (!StepBenchmarks.Names.Contains(What))
            throw NearestName.Unknown("measurement", What, StepBenchmarks.Names);
        if (Trace is not null)
            AtomicFile.CheckWritable(Trace);
        using Device device = OpenDevice();
        KernelProfile profile = KernelProfile.Of(device, new StepBenchmarks(device, Model, Batch, Size, Seed).Work(What));
        string arithmetic = device is CpuDevice ? "multiply-adds in registers" : "matrix product";
        var table = new ResultTable("kernel", "calls", "ms", "% of time", "GFLOP/s", "GB/s", "% of peak")
        {
            Title = $"{What}, {Model}, batch {Batch}{(Size > 0 ? $", {Size}x{Size} pixels" : "")}, on {device.Name}; "
                + $"measured peaks {profile.Peaks.GigaflopsPerSecond:F0} GFLOP/s ({arithmetic}), "
                + $"{profile.Peaks.GigabytesPerSecond:F0} GB/s (adding arrays)",
        };
        foreach (KernelTotal total in profile.Totals(Shapes))
        {
            table.Add(total.Name, $"{total.Calls}", $"{total.Milliseconds:F2}", $"{100 * total.Share:F1}", $"{total.GigaflopsPerSecond:F1}",
                $"{total.GigabytesPerSecond:F1}", $"{100 * total.OfPeak:F0}");
        }
        table.Print();
        Console.WriteLine($"{profile.Calls.Count} kernels, {profile.KernelMilliseconds:F1} ms of {profile.WallMilliseconds:F1} ms. % of "
            + "peak is of arithmetic or of memory bandwidth, whichever is higher; arithmetic is that of the algorithm (Winograd "
            + "convolutions need less than GFLOP/s count). At the peak of arithmetic all of it would take "
            + $"{profile.ArithmeticMilliseconds:F1} ms, {100 * profile.ArithmeticMilliseconds / profile.WallMilliseconds:F0} % of the "
            + "time.");
        if (Trace is not null)
        {
            profile.SaveChromeTrace(Trace);
            Console.WriteLine($"trace in {Trace}");
        }
        return 0;
    }
}
