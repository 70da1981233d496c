using System.Runtime.InteropServices;

namespace Ascl.Kernels.Linux;

/// <summary>Huge pages for large buffers: fewer address-translation misses in kernels that stride over tens of megabytes.</summary>
internal static unsafe partial class LinuxMemory
{
    private const int MadvHugePage = 14;

    public static void AdviseHugePages(void* start, nuint bytes)
    {
        if (OperatingSystem.IsLinux())
            madvise(start, bytes, MadvHugePage); // only advice: failure costs speed
    }

    [LibraryImport("libc")]
    private static partial int madvise(void* start, nuint length, int advice);
}
