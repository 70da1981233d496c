using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Models.Onnx;

namespace Ascl.Cli.Arguments;

/// <summary>What --device names.</summary>
internal static class DeviceChoice
{
    public const string Auto = ComputeDevice.Auto, On = "on";

    /// <summary>Opens auto, cpu, cuda or cuda:I.</summary>
    /// <param name="name">What was asked for.</param>
    /// <param name="threads">Threads of a CPU; 0 for one a core.</param>
    /// <param name="graphs">Whether a GPU repeats work as CUDA graphs: on or off.</param>
    /// <param name="pinned">Whether they are fixed to cores.</param>
    /// <exception cref="UserErrorException">There is no such device.</exception>
    public static Device Open(string name, int threads, string graphs, bool pinned = true)
    {
        if (graphs is not (On or "off"))
            throw new UserErrorException($"--cuda-graphs {graphs}: must be on or off");
        // Until the CUDA kernels have been seen to be right on a GPU, a user has to ask for them.
        if (name == Auto && CudaDevice.Available() is [var first, ..])
            Message.Print($"--device auto: the CPU, because the CUDA kernels are not proven on a GPU yet; --device cuda takes {first}");
        return ComputeDevice.Open(name, threads, pinned, graphs == On);
    }

    /// <summary>Likewise, and has it compute in <paramref name="precision"/>.</summary>
    public static Device Open(string name, int threads, string graphs, Precision precision, bool pinned = true)
    {
        Device device = Open(name, threads, graphs, pinned);
        Prepare(device, precision);
        device.SetPrecision(precision);
        return device;
    }

    /// <summary>Has a device load what <paramref name="precision"/> takes. Where a GPU cannot, it says so and computes in
    /// float32.</summary>
    /// <exception cref="UserErrorException">The device has no tensor cores at all.</exception>
    public static void Prepare(Device device, Precision precision)
    {
        using IDisposable scope = device.WithPrecision(Precision.Float32);
        if (device.SetPrecision(precision) is not { } problem)
            return;
        if (device is not CudaDevice)
            throw new UserErrorException($"precision {NameText.Of(precision)}: {problem}, {device.Name} computes in float32: choose "
                + $"--device cuda, or leave it out");
        Message.Print($"precision {NameText.Of(precision)}: float32 instead, because the tensor-core kernels cannot be loaded: {problem}");
    }

    /// <summary>The device for a file of weights. ONNX Runtime computes on the CPU, and its threads could only run on the core that the
    /// thread starting them is fixed to.</summary>
    public static Device OpenFor(string weights, string name, int threads, string graphs, Precision precision) =>
        !OnnxFiles.IsOnnx(weights) ? Open(name, threads, graphs, precision)
        : precision != Precision.Float32
        ? throw new UserErrorException($"--precision {NameText.Of(precision)}: ONNX files are computed on the CPU, in float32")
        : name is Auto or "cpu" ? new CpuDevice(threads, pinned: false)
        : throw new UserErrorException($"--device {name}: ONNX files are computed on the CPU");
}
