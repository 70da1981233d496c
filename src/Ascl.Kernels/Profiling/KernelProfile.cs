using System.Text.Json;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Gemm;

namespace Ascl.Kernels.Profiling;

/// <summary>A device's measured peak throughput: the roofline that kernels are compared with.</summary>
public sealed record DevicePeaks(double GigaflopsPerSecond, double GigabytesPerSecond)
{
    private const int Repetitions = 5, MatrixSize = 1024, Floats = 1 << 25;

    /// <summary>Measures the peaks: of a CPU, multiply-adds in registers; of a GPU, a product of two 1024 × 1024 matrices; of both, a sum
    /// of two arrays of 128 MiB into a third.</summary>
    public static DevicePeaks Of(Device device)
    {
        DeviceBuffer<float> x = device.Allocate<float>(Floats), y = device.Allocate<float>(Floats), z = device.Allocate<float>(Floats);
        double sum = Timing.Of("sum", Repetitions, () =>
        {
            ElementwiseKernels.Add(x, y, z);
            device.Synchronize();
        }).MinMilliseconds;
        return new(DeviceKernel.ReadBack("peak", device.Name, 0, 0, MultiplyAddPeak.Of, MatrixProduct, x), 12.0 * Floats / sum / 1e6);
    }

    private static double MatrixProduct(Device device)
    {
        DeviceBuffer<float> a = device.Allocate<float>(MatrixSize * MatrixSize), b = device.Allocate<float>(MatrixSize * MatrixSize);
        DeviceBuffer<float> c = device.Allocate<float>(MatrixSize * MatrixSize);
        double gemm = Timing.Of("gemm", Repetitions, () =>
        {
            GemmKernels.Multiply(false, false, MatrixSize, MatrixSize, MatrixSize, a, b, null, c);
            device.Synchronize();
        }).MinMilliseconds;
        return 2.0 * MatrixSize * MatrixSize * MatrixSize / gemm / 1e6;
    }
}

/// <summary>All calls of one kernel in a profile.</summary>
/// <param name="Share">Fraction of the time of all kernels.</param>
/// <param name="GigaflopsPerSecond">Operations of the definition; a fast algorithm, such as Winograd's, performs fewer.</param>
/// <param name="OfPeak">Fraction of the roofline: the larger of its fractions of the two peaks, that of arithmetic by the operations that
/// the algorithm performs. Data that are in caches can exceed 1.</param>
public sealed record KernelTotal(
    string Name, int Calls, double Milliseconds, double Share, double GigaflopsPerSecond, double GigabytesPerSecond, double OfPeak);

/// <summary>A profile of a piece of work by kernel.</summary>
/// <param name="Calls">The kernel calls in order.</param>
/// <param name="WallMilliseconds">Wall time of the work.</param>
/// <param name="Peaks">The device's peaks.</param>
public sealed record KernelProfile(IReadOnlyList<KernelCall> Calls, double WallMilliseconds, DevicePeaks Peaks)
{
    /// <summary>Profiles one run of <paramref name="work"/> after a warm-up run.</summary>
    public static KernelProfile Of(Device device, Action work)
    {
        DevicePeaks peaks = DevicePeaks.Of(device);
        work();
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        IReadOnlyList<KernelCall> calls = KernelTrace.Record(work);
        return new(calls, System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMilliseconds, peaks);
    }

    /// <summary>Time in kernels.</summary>
    public double KernelMilliseconds => Calls.Sum(call => call.Milliseconds);

    /// <summary>Milliseconds that the arithmetic of all algorithms would take at the device's peak.</summary>
    public double ArithmeticMilliseconds => Calls.Sum(call => call.PerformedFlops) / Peaks.GigaflopsPerSecond / 1e6;

    /// <summary>The kernels by total time, longest first; with <paramref name="byShape"/> each shape separately.</summary>
    public IReadOnlyList<KernelTotal> Totals(bool byShape)
    {
        double all = KernelMilliseconds;
        return
        [
            .. from call in Calls
               group call by byShape ? $"{call.Name} {call.Shape}" : call.Name into kernel
               let ms = kernel.Sum(call => call.Milliseconds)
               orderby ms descending
               let flops = kernel.Sum(call => call.Flops) / ms / 1e6
               let bytes = kernel.Sum(call => call.Bytes) / ms / 1e6
               let performed = kernel.Sum(call => call.PerformedFlops) / ms / 1e6
               select new KernelTotal(kernel.Key, kernel.Count(), ms, ms / all, flops, bytes,
                   Math.Max(performed / Peaks.GigaflopsPerSecond, bytes / Peaks.GigabytesPerSecond)),
        ];
    }

    /// <summary>Writes the calls as a trace for chrome://tracing or Perfetto: one complete event per call, in microseconds.</summary>
    public void SaveChromeTrace(string path) => AtomicFile.Write(path, stream =>
    {
        using Utf8JsonWriter json = new(stream);
        json.WriteStartObject();
        json.WriteStartArray("traceEvents");
        foreach (KernelCall call in Calls)
        {
            json.WriteStartObject();
            json.WriteString("name", call.Name);
            json.WriteString("ph", "X");
            json.WriteNumber("ts", 1e3 * call.Began);
            json.WriteNumber("dur", 1e3 * call.Milliseconds);
            json.WriteNumber("pid", 1);
            json.WriteNumber("tid", 1);
            json.WriteStartObject("args");
            json.WriteString("shape", call.Shape);
            json.WriteNumber("gigaflops_per_second", call.Flops / call.Milliseconds / 1e6);
            json.WriteNumber("gigabytes_per_second", call.Bytes / call.Milliseconds / 1e6);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteEndObject();
    });
}
