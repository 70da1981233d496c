using System.Numerics;
using System.Runtime.InteropServices;

namespace Ascl.Kernels.Linux;

/// <summary>Pins threads to cores. Two spinning threads that the scheduler puts on one core would halve the speed.</summary>
internal static unsafe partial class LinuxThreads
{
    private const int MaskWords = 16; // 1,024 cores

    /// <summary>The cores this process may use; empty if unknown.</summary>
    public static int[] AvailableCores()
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (!OperatingSystem.IsLinux() || sched_getaffinity(0, MaskWords * sizeof(ulong), mask) < 0)
            return [];
        List<int> cores = [];
        for (int word = 0; word < MaskWords; word++)
            for (ulong bits = mask[word]; bits != 0; bits &= bits - 1)
                cores.Add(word * 64 + BitOperations.TrailingZeroCount(bits));
        return [.. cores];
    }

    public static void PinTo(int core)
    {
        if (!OperatingSystem.IsLinux())
            return;
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[core / 64] = 1ul << (core % 64);
        sched_setaffinity(0, MaskWords * sizeof(ulong), mask); // failure only costs speed
    }

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nuint size, ulong* mask);
}
