using System.Runtime.InteropServices;

namespace Ascl.Kernels.Native;

/// <summary>Four floats that a GPU thread reads or writes at once; they must lie at a multiple of 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Float4(float x, float y, float z, float w)
{
    public float X = x, Y = y, Z = z, W = w;
}
