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
/// An NVIDIA GPU, through ILGPU: one stream that runs copies and kernels in order, and memory suballocated from slabs. Activations are
/// [N][H+2][W+2][channels], the channels rounded up to whole 16-byte loads (<see cref="ChannelBlock"/>). Driven by one thread.
/// </summary>
public sealed class CudaDevice : Device, IKernelClock
{
    /// <summary>The default number of threads per group: a multiple of the warp size, 32.</summary>
    public const int GroupSize = 256;

    /// <summary>Compute capability 8.0, the oldest supported.</summary>
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
    private bool largeTilesOnly;

    /// <summary>Why the native kernels could not be loaded; null if they were, or have not been tried.</summary>
    private string? withoutNative;

    /// <summary>The list in which a simulated device records launches during a capture; null on a real device.</summary>
    private RecordedLaunches? recorded;

    private CudaDevice(Context context, Accelerator accelerator, long slabBytes, string name, bool graphs, CudaKernelLoader? loader = null)
    {
        (this.context, this.accelerator, Name) = (context, accelerator, name);
        this.loader = loader ?? new CudaKernelLoader();
        stream = accelerator.CreateStream();
        memory = new CudaMemory(accelerator, slabBytes);
        staging = accelerator.AllocatePageLocked1D<byte>(StagingBytes);
        captured = graphs
            ? new CapturedGraphs(this,
                () => stream is CudaStream real ? new CudaGraph(accelerator, real) : recorded = new RecordedLaunches())
            : null;
        KernelTrace.DeviceClock = this;
        DebugSettings.Say($"device {Name}");
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string InstructionSet =>
        (accelerator as CudaAccelerator)?.Architecture.ToString().ToLowerInvariant() ?? "simulated GPU";

    /// <summary>The launcher of tensor-core kernels; null if <see cref="Device.Precision"/> is float32.</summary>
    internal NativeKernels? TensorCores => Precision == Precision.Float32 ? null : native;

    /// <summary>
    /// Whether this many groups occupy the GPU's hundred or so multiprocessors. Where large tiles would not, kernels take smaller ones,
    /// with the same results.
    /// </summary>
    /// <param name="groups">Groups that a launch with large tiles would have.</param>
    /// <param name="enough">The fewest with which these tiles are faster, as measured for the kernel.</param>
    internal bool IsOccupiedBy(long groups, int enough) => largeTilesOnly || groups >= enough;

    /// <summary>
    /// Kernels take large tiles even for small shapes until the result is disposed of, so that tests reach them with little work.
    /// </summary>
    internal IDisposable WithLargeTilesOnly()
    {
        largeTilesOnly = true;
        return new LargeTilesScope(this);
    }

    private sealed class LargeTilesScope(CudaDevice device) : IDisposable
    {
        public void Dispose() => device.largeTilesOnly = false;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The driver compiles the tensor-core kernels at the first call, which takes some seconds; it caches them for later runs.
    /// </remarks>
    public override string? SetPrecision(Precision precision)
    {
        if (precision != Precision.Float32 && native is null && withoutNative is null)
        {
            try
            {
                native = accelerator is CudaAccelerator cuda
                    ? new DriverKernels(cuda, (CudaStream)stream)
                    : throw new NotSupportedException("a simulated GPU has no tensor cores");
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

    /// <summary>Descriptions of this machine's CUDA devices in the driver's order; empty without a driver.</summary>
    public static IReadOnlyList<string> Available()
    {
        if (!CudaLibrary.HasDriver)
            return [];
        using Context context = CudaLibrary.CreateContext(builder => builder.Cuda());
        return [.. Enumerable.Range(0, context.GetCudaDevices().Count).Select(i => Describe(context.GetCudaDevice(i), i))];
    }

    /// <summary>Opens a device.</summary>
    /// <param name="index">Its number in the driver's order.</param>
    /// <param name="graphs">Whether repeated work is captured as CUDA graphs.</param>
    /// <exception cref="UserErrorException">There is no such device, or its compute capability is below 8.0.</exception>
    public static CudaDevice Open(int index, bool graphs = true)
    {
        Context context = CudaLibrary.CreateContext(builder => builder.Cuda());
        int count = context.GetCudaDevices().Count;
        if (index >= count)
        {
            context.Dispose();
            throw new UserErrorException(count == 0
                ? "no CUDA device: no NVIDIA driver (libcuda.so.1) with a GPU was found"
                : $"no CUDA device {index}: there {(count == 1 ? "is" : "are")} {count}");
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

    /// <summary>A device with the same memory management and launches on a machine without a GPU, for tests.</summary>
    /// <param name="loader">Loads the kernels' replacement.</param>
    /// <param name="graphs">Whether repeated work is recorded as lists of launches.</param>
    /// <param name="native">Runs native kernels; null if there are none.</param>
    internal static CudaDevice Simulated(CudaKernelLoader loader, bool graphs = true, NativeKernels? native = null)
    {
        Context context = CudaLibrary.CreateContext(builder => builder.CPU(new CPUDevice(32, GroupSize / 32, 1)));
        CPUAccelerator accelerator = context.GetCPUDevice(0).CreateCPUAccelerator(context);
        return new(context, accelerator, SimulatedSlab, "cuda simulated", graphs, loader) { native = native };
    }

    private static string Describe(ILGPU.Runtime.Cuda.CudaDevice device, int index) =>
        $"cuda:{index}: {device.Name}, {device.Architecture?.ToString().ToLowerInvariant()}, "
            + $"{device.MemorySize / (double)(1 << 30):F0} GiB";

    /// <summary>All channels, rounded up to a multiple of four.</summary>
    public override int ChannelBlock(int channels) => (channels + 3) / 4 * 4;

    /// <inheritdoc/>
    /// <exception cref="UserErrorException">The device is out of memory.</exception>
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
            throw new UserErrorException($"{Name}: out of memory: {e.Message}; use a smaller batch or model");
        }
    }

    /// <summary>
    /// A few constants, such as channel means, in device memory: copied there once per set of values. For no values, a view of length 0.
    /// </summary>
    internal ArrayView<float> Constants(ReadOnlySpan<float> values)
    {
        foreach (var (known, buffer) in constants)
            if (values.SequenceEqual(known))
                return View(buffer);
        constants.Add((values.ToArray(), Upload(values)));
        return View(constants[^1].Buffer);
    }

    internal void LetGo(CudaMemory.Block block) => memory.LetGo(block);

    /// <inheritdoc/>
    public override TResult RunCaptured<TResult>(ICapturable<TResult> work) => captured is null ? work.Run() : captured.RunCaptured(work);

    /// <summary>How often repeated work was captured and replayed.</summary>
    public (int Captures, int Replays) GraphCount => captured?.Count ?? default;

    /// <summary>
    /// Begins a capture: until the result is disposed, memory comes from <paramref name="own"/> and its use is recorded in
    /// <paramref name="notes"/>.
    /// </summary>
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

    /// <inheritdoc/>
    public override void Synchronize()
    {
        RefuseWhileCapturing("the host waits for the device");
        stream.Synchronize();
    }

    private void RefuseWhileCapturing(string what)
    {
        if (Capture is not null)
            throw new InvalidOperationException($"{what}, which is not possible while launches are captured");
    }

    /// <summary>A buffer's memory as a kernel argument; a view of length 0 for null.</summary>
    public static ArrayView<T> View<T>(DeviceBuffer<T>? buffer) where T : unmanaged =>
        buffer is null ? default : ((CudaBuffer<T>)buffer).View;

    /// <summary>
    /// Launches a kernel in the device's stream. Its first launch compiles it.
    /// </summary>
    /// <param name="kernel">A static method without a closure. It and the structure must be public or visible to ILGPURuntime
    /// (InternalsVisibleTo).</param>
    /// <param name="config">(groups, threads per group), each a number or an Index3D. With no groups nothing is launched.</param>
    /// <param name="arguments">All arguments, in one structure.</param>
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

    private void Record<TArguments>(Action<AcceleratorStream, KernelConfig, TArguments> launcher, KernelConfig config, TArguments arguments)
        where TArguments : struct =>
        recorded!.Add(() => launcher(stream, config, arguments));

    private void Clear<T>(ArrayView<T> view) where T : unmanaged
    {
        if (recorded is { IsOpen: true } list)
            list.Add(() => view.MemSetToZero(stream));
        else
            view.MemSetToZero(stream);
    }

    /// <summary>Launches a native kernel; requires <see cref="TensorCores"/> and at least one group in each dimension.</summary>
    internal void Launch<TArguments>(NativeKernel kernel, (int X, int Y, int Z) groups, TArguments arguments) where TArguments : unmanaged
    {
        if (recorded is { IsOpen: true })
            Record(kernel, groups, arguments);
        else
            native!.Launch(kernel, groups, MemoryMarshal.AsBytes(new ReadOnlySpan<TArguments>(in arguments)));
    }

    private void Record<TArguments>(NativeKernel kernel, (int X, int Y, int Z) groups, TArguments arguments) where TArguments : unmanaged =>
        recorded!.Add(() => native!.Launch(kernel, groups, MemoryMarshal.AsBytes(new ReadOnlySpan<TArguments>(in arguments))));

    /// <summary>A buffer's address for a native kernel; 0 for null.</summary>
    internal static nint Address(DeviceBuffer<float>? buffer) => Address(View(buffer));

    internal static nint Address(ArrayView<float> view) => view.Length == 0 ? 0 : view.LoadEffectiveAddressAsPtr();

    /// <summary>Groups of <see cref="GroupSize"/> needed for <paramref name="items"/> threads.</summary>
    public static int Groups(int items) => (items + GroupSize - 1) / GroupSize;

    /// <summary>Copies within the device.</summary>
    internal void Copy<T>(ArrayView<T> from, ArrayView<T> to) where T : unmanaged
    {
        if (recorded is { IsOpen: true } list)
            list.Add(() => from.CopyTo(stream, to));
        else
            from.CopyTo(stream, to);
    }

    /// <summary>Copies through page-locked memory, which the GPU reads by DMA.</summary>
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

    /// <summary>Records an event in the stream.</summary>
    IDisposable IKernelClock.Mark() => stream.AddProfilingMarker();

    double IKernelClock.Milliseconds(IDisposable from, IDisposable to)
    {
        ((ProfilingMarker)to).Synchronize();
        return ((ProfilingMarker)to).MeasureFrom((ProfilingMarker)from).TotalMilliseconds;
    }

    /// <inheritdoc/>
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
