using System.Runtime.InteropServices;

namespace Ascl.Kernels.GpuCode;

/// <summary>Four integers that a GPU thread reads at once; they must lie at a multiple of 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Int4(int x, int y, int z, int w)
{
    public int X = x, Y = y, Z = z, W = w;
}
