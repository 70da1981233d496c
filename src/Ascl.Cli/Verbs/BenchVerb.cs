using System.Globalization;
using Ascl.Cli.Arguments;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Profiling;
using Ascl.Robustness.Benchmarks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("bench", HelpText = "Times parts of a training step. Prints a line per part: ascl NAME MIN_MS MEDIAN_MS.")]
[Example("A training step of ResNet-18 and its parts", "--model resnet18 --batch 128 --threads 2")]
[Example("Exchange of ResNet-18's gradients, under mpirun", "--model resnet18 --what exchange --reps 20")]
[Example("The contrastive loss over 8,192 latents, forward and backward", "--what contrastive --rows 8192 --dim 128")]
internal sealed class BenchVerb : RandomArguments, IVerb
{
    [Option("model", MetaValue = "NAME", HelpText = $"Network: {SettingTexts.Networks}; or an ONNX file.")]
    public string Model { get; init; } = "resnet18";

    [Option("batch", MetaValue = "N", HelpText = "Batch size.")]
    public int Batch { get; init; } = 128;

    [Option("size", MetaValue = "PIXELS", HelpText = "Height and width of the images; 0: the usual size for the network.")]
    public int Size { get; init; }

    [Option("what", MetaValue = "NAMES",
        HelpText = "Parts to time, comma-separated: forward, input-grad (gradient of the images), param-grad (gradient of the weights), "
            + "attack-eval (PGD), pgd-step (a step of PGD adversarial training), contrastive (the contrastive loss) or exchange "
            + "(adding the gradients of the processes that mpirun has started).")]
    public string What { get; init; } = "forward,input-grad,param-grad,attack-eval,pgd-step";

    [Option("rows", MetaValue = "N", HelpText = "Number of latents in the contrastive loss.")]
    public int Rows { get; init; } = 1024;

    [Option("dim", MetaValue = "D", HelpText = "Dimension of the latents in the contrastive loss.")]
    public int Dim { get; init; } = 128;

    [Option("reps", MetaValue = "R", HelpText = "Number of timed repetitions of each part.")]
    public int Reps { get; init; } = 3;

    [Option("mpi", MetaValue = "LIBRARY|off", HelpText = VerbTexts.Mpi)]
    public string Mpi { get; init; } = "";

    [Option("mpi-timeout", MetaValue = "SECONDS", HelpText = VerbTexts.MpiTimeout)]
    public int MpiTimeout { get; init; } = ProcessGroup.DefaultTimeout;

    string? IVerb.InsteadOfProcesses => null;

    private const int MostRows = 65536;

    public int Run(CancellationToken stop) => ProcessGroup.Run(this, Mpi, MpiTimeout, group => Run(group, stop));

    private int Run(ProcessGroup group, CancellationToken stop)
    {
        CheckSize(Size);
        if (Batch < 1 || Rows < 1 || Dim < 1 || Reps < 1)
            throw new UserErrorException("--batch, --rows, --dim and --reps must be at least 1");
        if (Rows > MostRows || Dim > MostRows)
            throw new UserErrorException($"--rows {Rows}, --dim {Dim}: must be at most {MostRows}");
        string[] parts = What.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] names = [.. StepBenchmarks.Names, "contrastive", "exchange"];
        if (parts.Length == 0)
            throw new UserErrorException($"--what is empty: choose from {string.Join(", ", names)}");
        if (parts.FirstOrDefault(part => !names.Contains(part)) is { } unknown)
            throw NearestName.Unknown("measurement", unknown, names);
        using Device device = group.OpenDevice(Device, Threads,
            (name, threads, cores) => DeviceChoice.Open(name, threads, CudaGraphs, ChosenPrecision, cores: cores));
        string where = device is CpuDevice cpu ? $"t{cpu.Threads}"
            : device.Precision == Kernels.Devices.Precision.Float32 ? "cuda" : $"cuda.{Precision}";
        foreach (string part in parts)
        {
            stop.ThrowIfCancellationRequested();
            if (part == "contrastive")
            {
                var contrastive = new ContrastiveBenchmark(device, Rows, Dim, Seed);
                ContrastiveDistance[] distances = [ContrastiveDistance.Cosine, ContrastiveDistance.Linf, ContrastiveDistance.Lkinf];
                foreach (ContrastiveDistance distance in distances)
                    Print(Timing.Of($"contrastive.{NameText.Of(distance)}.n{Rows}.d{Dim}.{where}", Reps, contrastive.Work(distance)));
                continue;
            }
            if (part == "exchange")
            {
                ExchangeBenchmark exchange = new(group.Communicator, device, Model);
                Print(Timing.Of($"exchange.{Model}.{exchange.Length}.r{group.Communicator.Size}", Reps, exchange.Work()));
                continue;
            }
            Print(Timing.Of($"{part}.{Model}.b{Batch}{(Size > 0 ? $".s{Size}" : "")}.{where}", Reps,
                new StepBenchmarks(device, Model, Batch, Size, Seed).Work(part)));
        }
        return 0;
    }

    /// <exception cref="UserErrorException">It is out of range.</exception>
    internal static void CheckSize(int size)
    {
        if (size is < 0 or > 1024)
            throw new UserErrorException($"--size {size}: must be from 1 to 1024 pixels, or 0");
    }

    private static void Print(Timing timing) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"ascl {timing.Name} {timing.MinMilliseconds:F1} {timing.MedianMilliseconds:F1}"));
}
