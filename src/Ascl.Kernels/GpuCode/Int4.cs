using System.Runtime.InteropServices;

namespace Ascl.Kernels.GpuCode;

/// <summary>Four integers that a GPU thread loads in one instruction; 16-byte aligned.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Int4(int x, int y, int z, int w)
{
    public int X = x, Y = y, Z = z, W = w;
}
