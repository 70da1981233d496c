namespace Ascl.Kernels.Devices;

/// <summary>
/// Work that is repeated on the same memory, such as an attack's iteration: see <see cref="Device.RunCaptured"/>. Implement it as a record
/// of everything the work uses: equal records must launch the same kernels with the same arguments. The work must not branch on host state
/// or random numbers, must not transfer values to or from the host, and must keep values that change between runs in device memory.
/// </summary>
/// <typeparam name="TResult">The tensors and buffers that hold its result.</typeparam>
public interface ICapturable<out TResult>
{
    /// <summary>Launches the work.</summary>
    TResult Run();
}
