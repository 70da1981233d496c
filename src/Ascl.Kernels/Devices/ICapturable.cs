namespace Ascl.Kernels.Devices;

/// <summary>
/// Work that comes again and again on the same memory, such as an attack's iteration: see <see cref="Device.RunCaptured"/>. To be a record of everything that it
/// uses: two that are equal launch the same kernels with the same arguments. Neither the host nor chance may decide anything in it, no values may go
/// to or from the host, and numbers that change from one time to the next must lie in the device's memory.
/// </summary>
/// <typeparam name="TResult">Tensors and buffers that it leaves.</typeparam>
public interface ICapturable<out TResult>
{
    TResult Run();
}
