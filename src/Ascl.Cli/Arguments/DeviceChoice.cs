using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Cli.Arguments;

/// <summary>Opens the device that --device names.</summary>
internal static class DeviceChoice
{
    public const string Auto = ComputeDevice.Auto, On = "on";

    /// <summary>Opens auto, cpu, cuda or cuda:I.</summary>
    /// <param name="name">The device.</param>
    /// <param name="threads">Number of CPU threads; 0 for one per core.</param>
    /// <param name="graphs">Whether a GPU replays repeated work as CUDA graphs: on or off.</param>
    /// <param name="pinned">Whether CPU threads are pinned to cores.</param>
    /// <param name="cores">The cores to pin to; null for the first that this process may use.</param>
    /// <exception cref="UserErrorException">There is no such device.</exception>
    public static Device Open(string name, int threads, string graphs, bool pinned = true, IReadOnlyList<int>? cores = null)
    {
        if (graphs is not (On or "off"))
            throw new UserErrorException($"--cuda-graphs {graphs}: must be on or off");
        // The CUDA kernels have not been validated on a real GPU yet, so they are opt-in.
        if (name == Auto && CudaDevice.Available() is [var first, ..])
            Message.Print($"--device auto: using the CPU, because the CUDA kernels have not been validated on a GPU yet; "
                + $"--device cuda uses {first}");
        return ComputeDevice.Open(name, threads, pinned, graphs == On, cores);
    }

    /// <summary>Likewise, and sets its precision.</summary>
    public static Device Open(string name, int threads, string graphs, Precision precision, bool pinned = true,
        IReadOnlyList<int>? cores = null)
    {
        Device device = Open(name, threads, graphs, pinned, cores);
        Prepare(device, precision);
        device.SetPrecision(precision);
        return device;
    }

    /// <summary>Loads the tensor-core kernels of a precision. A GPU that cannot load them computes in float32, and a message says
    /// so.</summary>
    /// <exception cref="UserErrorException">The device is a CPU, which has no tensor cores.</exception>
    public static void Prepare(Device device, Precision precision)
    {
        using IDisposable scope = device.WithPrecision(Precision.Float32);
        if (device.SetPrecision(precision) is not { } problem)
            return;
        if (device is not CudaDevice)
            throw new UserErrorException($"precision {NameText.Of(precision)}: {problem}: use --device cuda, or choose float32");
        Message.Print($"precision {NameText.Of(precision)}: using float32 instead, because the tensor-core kernels cannot be loaded: "
            + problem);
    }

    /// <summary>Opens the device for a classifier. For ONNX Runtime that is the CPU, without pinning: its threads inherit the affinity of
    /// the thread that starts them, and would all share its core.</summary>
    /// <exception cref="UserErrorException">There is no such device, or it cannot compute the network.</exception>
    public static Device OpenFor(ClassifierChoice classifier, string name, int threads, string graphs, Precision precision,
        IReadOnlyList<int>? cores = null)
    {
        if (!classifier.OnnxRuntime)
            return Open(name, threads, graphs, precision, cores: cores);
        if (precision != Precision.Float32)
            throw new UserErrorException($"--precision {NameText.Of(precision)}: ONNX Runtime runs on the CPU in float32");
        return name is Auto or "cpu"
            ? new CpuDevice(threads, pinned: false)
            : throw new UserErrorException($"--device {name}: ONNX Runtime runs on the CPU");
    }
}
