using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using Device = Ascl.Kernels.Devices.Device;

namespace Ascl.Kernels.Cuda;

/// <summary>
/// An NVIDIA GPU, through ILGPU: one stream in which copies and kernels run in the order they were given, and memory cut from slabs. Activations lie
/// as [N][H+2][W+2][channels], the channels rounded up to whole 16-byte loads (<see cref="ChannelBlock"/>).
/// </summary>
public sealed class CudaDevice : Device, IKernelClock
{
    /// <summary>Threads of a group wherever nothing else is said: a multiple of the 32 that run together.</summary>
    public const int GroupSize = 256;

    /// <summary>Compute capability 8.0: the oldest that the kernels are compiled for.</summary>
    private static readonly CudaArchitecture OldestArchitecture = CudaArchitecture.SM_80;

    private const int StagingBytes = 4 << 20;
    private const long CudaSlab = 256L << 20, SimulatedSlab = 1 << 20;

    private readonly Context context;
    private readonly Accelerator accelerator;
    private readonly AcceleratorStream stream;
    private readonly CudaMemory memory;
    private readonly PageLockedArray1D<byte> staging;
    private readonly CudaKernelLoader loader;
    private readonly Dictionary<MethodInfo, Delegate> kernels = [];
    private readonly List<(float[] Values, DeviceBuffer<float> Buffer)> constants = [];
    private readonly CapturedGraphs? captured;
    private NativeKernels? native;

    /// <summary>Why the native kernels could not be loaded.</summary>
    private string? withoutNative;

    /// <summary>Where a simulated device puts down what it is given, instead of running it; null elsewhere.</summary>
    private RecordedLaunches? recorded;

    private CudaDevice(Context context, Accelerator accelerator, long slabBytes, string name, bool graphs, CudaKernelLoader? loader = null)
    {
        (this.context, this.accelerator, Name) = (context, accelerator, name);
        this.loader = loader ?? new CudaKernelLoader();
        stream = accelerator.CreateStream();
        memory = new CudaMemory(accelerator, slabBytes);
        staging = accelerator.AllocatePageLocked1D<byte>(StagingBytes);
        captured = graphs ? new CapturedGraphs(this, () => stream is CudaStream real ? new CudaGraph(accelerator, real) : recorded = new RecordedLaunches()) : null;
        KernelTrace.DeviceClock = this;
        DebugSettings.Say($"device {Name}");
    }

    public override string Name { get; }

    /// <summary>What runs the kernels for tensor cores; null where <see cref="Device.Precision"/> does without.</summary>
    internal NativeKernels? TensorCores => Precision == Precision.Float32 ? null : native;

    /// <inheritdoc/>
    /// <remarks>The first time the driver compiles kernels for its GPU, which takes some seconds and is remembered by it.</remarks>
    public override string? SetPrecision(Precision precision)
    {
        if (precision != Precision.Float32 && native is null && withoutNative is null)
        {
            try
            {
                native = accelerator is CudaAccelerator cuda ? new DriverKernels(cuda, (CudaStream)stream) : throw new NotSupportedException("a simulated GPU has no tensor cores");
            }
            catch (Exception e) when (e is CudaException or NotSupportedException)
            {
                withoutNative = e.Message;
            }
        }
        bool goes = precision == Precision.Float32 || native is not null;
        Precision = goes ? precision : Precision.Float32;
        return goes ? null : withoutNative;
    }

    /// <summary>The names of this machine's CUDA devices in the driver's order; none without a driver.</summary>
    public static IReadOnlyList<string> Available()
    {
        if (!CudaLibrary.HasDriver)
            return [];
        using Context context = CudaLibrary.CreateContext(builder => builder.Cuda());
        return [.. Enumerable.Range(0, context.GetCudaDevices().Count).Select(i => Describe(context.GetCudaDevice(i), i))];
    }

    /// <summary>Device number <paramref name="index"/> of the driver's.</summary>
    /// <param name="graphs">Whether repeated work becomes CUDA graphs.</param>
    /// <exception cref="UserErrorException">There is no such device, or it is too old.</exception>
    public static CudaDevice Open(int index, bool graphs = true)
    {
        Context context = CudaLibrary.CreateContext(builder => builder.Cuda());
        int count = context.GetCudaDevices().Count;
        if (index >= count)
        {
            context.Dispose();
            throw new UserErrorException(count == 0 ? "no CUDA device: no NVIDIA driver (libcuda.so.1) with a GPU was found" : $"no CUDA device {index}: there {(count == 1 ? "is" : "are")} {count}");
        }
        ILGPU.Runtime.Cuda.CudaDevice device = context.GetCudaDevice(index);
        string name = Describe(device, index);
        if (device.Architecture is not { } architecture || architecture < OldestArchitecture)
        {
            context.Dispose();
            throw new UserErrorException($"{name}: compute capability 8.0 or newer is needed");
        }
        CudaLibrary.SetTarget((CudaCapabilityContext)device.Capabilities, architecture);
        return new(context, device.CreateCudaAccelerator(context), CudaSlab, name, graphs);
    }

    /// <summary>The same memory and launches on a machine without a GPU, for tests.</summary>
    /// <param name="loader">What runs the kernels.</param>
    /// <param name="graphs">Whether repeated work is recorded as lists of launches.</param>
    /// <param name="native">What runs the native kernels; null for nothing.</param>
    internal static CudaDevice Simulated(CudaKernelLoader loader, bool graphs = true, NativeKernels? native = null)
    {
        Context context = CudaLibrary.CreateContext(builder => builder.CPU(new CPUDevice(32, GroupSize / 32, 1)));
        return new(context, context.GetCPUDevice(0).CreateCPUAccelerator(context), SimulatedSlab, "cuda simulated", graphs, loader) { native = native };
    }

    private static string Describe(ILGPU.Runtime.Cuda.CudaDevice device, int index) =>
        $"cuda:{index}: {device.Name}, {device.Architecture?.ToString().ToLowerInvariant()}, {device.MemorySize / (double)(1 << 30):F0} GiB";

    /// <summary>Channels an activation's pixel holds for <paramref name="channels"/>.</summary>
    public override int ChannelBlock(int channels) => (channels + 3) / 4 * 4;

    public override DeviceBuffer<T> Allocate<T>(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        CudaBuffer<T> buffer = new(this, Rent((long)length * Unsafe.SizeOf<T>()), length);
        Capture?.Hold(buffer);
        if (length > 0)
            Clear(buffer.View);
        return buffer;
    }

    private CudaMemory.Block Rent(long bytes)
    {
        try
        {
            return memory.Rent(bytes);
        }
        catch (OutOfMemoryException) when (captured?.ForgetAll() == true)
        {
            return Rent(bytes);
        }
        catch (OutOfMemoryException e)
        {
            throw new UserErrorException($"{Name}: out of memory: {e.Message}; lower --batch or choose a smaller model");
        }
    }

    /// <summary>A few numbers that do not change, such as the means of an image's channels, on the device: copied there once. None: a view of length 0.</summary>
    internal ArrayView<float> Constants(ReadOnlySpan<float> values)
    {
        foreach (var (known, buffer) in constants)
            if (values.SequenceEqual(known))
                return View(buffer);
        constants.Add((values.ToArray(), Upload(values)));
        return View(constants[^1].Buffer);
    }

    internal void LetGo(CudaMemory.Block block) => memory.LetGo(block);

    public override TResult RunCaptured<TResult>(ICapturable<TResult> work) => captured is null ? work.Run() : captured.RunCaptured(work);

    /// <summary>How often repeated work was captured, and run as it was captured.</summary>
    public (int Captures, int Replays) GraphCount => captured?.Count ?? default;

    /// <summary>For a piece of captured work: until the result is disposed, memory comes from its pool and is noted.</summary>
    internal IDisposable BeginCapture(BufferPool own, CaptureNotes? notes)
    {
        CaptureScope scope = new(this, Pool);
        (Pool, Capture) = (own, notes);
        return scope;
    }

    private sealed class CaptureScope(CudaDevice device, BufferPool before) : IDisposable
    {
        public void Dispose() => (device.Pool, device.Capture) = (before, null);
    }

    public override void Synchronize()
    {
        RefuseWhileCapturing("the host waits for the device");
        stream.Synchronize();
    }

    private void RefuseWhileCapturing(string what)
    {
        if (Capture is not null)
            throw new InvalidOperationException($"{what}, which launches to be captured cannot");
    }

    /// <summary>A buffer's memory for a kernel; of a null one a view of length 0.</summary>
    public static ArrayView<T> View<T>(DeviceBuffer<T>? buffer) where T : unmanaged => buffer is null ? default : ((CudaBuffer<T>)buffer).View;

    /// <summary>
    /// Puts a kernel into the stream: <paramref name="config"/> is (groups, threads a group), each a number or an Index3D. Nothing happens where it
    /// has no groups. All arguments travel in one structure, so that they have names. It is compiled at its first launch.
    /// </summary>
    /// <param name="kernel">A static method without a closure. It and the structure are public, or visible to the assembly ILGPURuntime (InternalsVisibleTo).</param>
    public void Launch<TArguments>(Action<TArguments> kernel, KernelConfig config, in TArguments arguments) where TArguments : struct
    {
        if (config.GridDim.Size == 0)
            return;
        if (!kernels.TryGetValue(kernel.Method, out Delegate? launcher))
            kernels[kernel.Method] = launcher = loader.Load(accelerator, kernel);
        if (recorded is { IsOpen: true })
            Record((Action<AcceleratorStream, KernelConfig, TArguments>)launcher, config, arguments);
        else
            ((Action<AcceleratorStream, KernelConfig, TArguments>)launcher)(stream, config, arguments);
    }

    private void Record<TArguments>(Action<AcceleratorStream, KernelConfig, TArguments> launcher, KernelConfig config, TArguments arguments) where TArguments : struct =>
        recorded!.Add(() => launcher(stream, config, arguments));

    private void Clear<T>(ArrayView<T> view) where T : unmanaged
    {
        if (recorded is { IsOpen: true } list)
            list.Add(() => view.MemSetToZero(stream));
        else
            view.MemSetToZero(stream);
    }

    /// <summary>Puts a native kernel into the stream; only where there are <see cref="TensorCores"/>. Of <paramref name="groups"/> there is at least one in each direction.</summary>
    internal void Launch<TArguments>(NativeKernel kernel, (int X, int Y, int Z) groups, TArguments arguments) where TArguments : unmanaged
    {
        if (recorded is { IsOpen: true })
            Record(kernel, groups, arguments);
        else
            native!.Launch(kernel, groups, MemoryMarshal.AsBytes(new ReadOnlySpan<TArguments>(in arguments)));
    }

    private void Record<TArguments>(NativeKernel kernel, (int X, int Y, int Z) groups, TArguments arguments) where TArguments : unmanaged =>
        recorded!.Add(() => native!.Launch(kernel, groups, MemoryMarshal.AsBytes(new ReadOnlySpan<TArguments>(in arguments))));

    /// <summary>A buffer's memory for a native kernel; 0 for none.</summary>
    internal static nint Address(DeviceBuffer<float>? buffer) => Address(View(buffer));

    internal static nint Address(ArrayView<float> view) => view.Length == 0 ? 0 : view.LoadEffectiveAddressAsPtr();

    /// <summary>Groups for <paramref name="items"/> threads.</summary>
    public static int Groups(int items) => (items + GroupSize - 1) / GroupSize;

    /// <summary>A copy on the device.</summary>
    internal void Copy<T>(ArrayView<T> from, ArrayView<T> to) where T : unmanaged
    {
        if (recorded is { IsOpen: true } list)
            list.Add(() => from.CopyTo(stream, to));
        else
            from.CopyTo(stream, to);
    }

    /// <summary>Through page-locked memory, which the GPU reads by itself.</summary>
    internal unsafe void CopyToDevice<T>(ReadOnlySpan<T> source, ArrayView<T> destination) where T : unmanaged
    {
        RefuseWhileCapturing("values are sent to the device");
        int step = StagingBytes / sizeof(T);
        for (int at = 0; at < source.Length; at += step)
        {
            int count = Math.Min(step, source.Length - at);
            source.Slice(at, count).CopyTo(MemoryMarshal.Cast<byte, T>(staging.Span));
            destination.SubView(at, count).CopyFrom(stream, staging.ArrayView.SubView(0, (long)count * sizeof(T)).Cast<T>());
            stream.Synchronize();
        }
    }

    internal unsafe void CopyToHost<T>(ArrayView<T> source, Span<T> destination) where T : unmanaged
    {
        RefuseWhileCapturing("values are read from the device");
        int step = StagingBytes / sizeof(T);
        for (int at = 0; at < destination.Length; at += step)
        {
            int count = Math.Min(step, destination.Length - at);
            source.SubView(at, count).CopyTo(stream, staging.ArrayView.SubView(0, (long)count * sizeof(T)).Cast<T>());
            stream.Synchronize();
            MemoryMarshal.Cast<byte, T>(staging.Span)[..count].CopyTo(destination[at..]);
        }
    }

    /// <summary>An event in the stream.</summary>
    IDisposable IKernelClock.Mark() => stream.AddProfilingMarker();

    double IKernelClock.Milliseconds(IDisposable from, IDisposable to)
    {
        ((ProfilingMarker)to).Synchronize();
        return ((ProfilingMarker)to).MeasureFrom((ProfilingMarker)from).TotalMilliseconds;
    }

    public override void Dispose()
    {
        if (KernelTrace.DeviceClock == this)
            KernelTrace.DeviceClock = null;
        stream.Synchronize();
        captured?.Dispose();
        native?.Dispose();
        staging.Dispose();
        memory.Dispose();
        stream.Dispose();
        accelerator.Dispose();
        context.Dispose();
    }
}
