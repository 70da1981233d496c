using System.Text.Json;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Gemm;

namespace Ascl.Kernels.Profiling;

/// <summary>The most a device was seen to do: the roof that kernels are held against.</summary>
public sealed record DevicePeaks(double GigaflopsPerSecond, double GigabytesPerSecond)
{
    private const int Repetitions = 5, MatrixSize = 1024, Floats = 1 << 25;

    /// <summary>Measures a product of two 1024 × 1024 matrices, and a sum of two arrays of 128 MiB into a third.</summary>
    public static DevicePeaks Of(Device device)
    {
        DeviceBuffer<float> a = device.Allocate<float>(MatrixSize * MatrixSize), b = device.Allocate<float>(MatrixSize * MatrixSize), c = device.Allocate<float>(MatrixSize * MatrixSize);
        double gemm = Timing.Of("gemm", Repetitions, () =>
        {
            GemmKernels.Multiply(false, false, MatrixSize, MatrixSize, MatrixSize, a, b, null, c);
            device.Synchronize();
        }).MinMilliseconds;
        DeviceBuffer<float> x = device.Allocate<float>(Floats), y = device.Allocate<float>(Floats), z = device.Allocate<float>(Floats);
        double sum = Timing.Of("sum", Repetitions, () =>
        {
            ElementwiseKernels.Add(x, y, z);
            device.Synchronize();
        }).MinMilliseconds;
        return new(2.0 * MatrixSize * MatrixSize * MatrixSize / gemm / 1e6, 12.0 * Floats / sum / 1e6);
    }
}

/// <summary>All runs of a kernel in a profile.</summary>
/// <param name="Share">Of the time of all kernels.</param>
/// <param name="OfPeak">The larger of its shares of the two peaks: how near to the roof it works. An algorithm that needs fewer operations than the
/// definition, such as Winograd's, can pass 1.</param>
public sealed record KernelTotal(string Name, int Calls, double Milliseconds, double Share, double GigaflopsPerSecond, double GigabytesPerSecond, double OfPeak);

/// <summary>Where the time of a piece of work goes, kernel by kernel.</summary>
public sealed record KernelProfile(IReadOnlyList<KernelCall> Calls, double WallMilliseconds, DevicePeaks Peaks)
{
    /// <summary>Profiles one run of <paramref name="work"/>, after one that is not counted.</summary>
    public static KernelProfile Of(Device device, Action work)
    {
        DevicePeaks peaks = DevicePeaks.Of(device);
        work();
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        IReadOnlyList<KernelCall> calls = KernelTrace.Record(work);
        return new(calls, System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMilliseconds, peaks);
    }

    public double KernelMilliseconds => Calls.Sum(call => call.Milliseconds);

    /// <summary>The kernels by the time they took, the longest first; with <paramref name="byShape"/> each shape apart.</summary>
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
               select new KernelTotal(kernel.Key, kernel.Count(), ms, ms / all, flops, bytes, Math.Max(flops / Peaks.GigaflopsPerSecond, bytes / Peaks.GigabytesPerSecond)),
        ];
    }

    /// <summary>The calls as a trace file for chrome://tracing or Perfetto: a complete event a call, in microseconds.</summary>
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
