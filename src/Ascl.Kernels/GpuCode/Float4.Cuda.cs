using System.Runtime.InteropServices;
using ILGPU;

namespace Ascl.Kernels.GpuCode;

/// <summary>Four floats that a GPU thread loads or stores in one instruction; 16-byte aligned.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Float4(float x, float y, float z, float w)
{
    public float X = x, Y = y, Z = z, W = w;

    public static Float4 operator +(Float4 a, Float4 b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);
    public static Float4 operator -(Float4 a, Float4 b) => new(a.X - b.X, a.Y - b.Y, a.Z - b.Z, a.W - b.W);
    public static Float4 operator *(Float4 a, Float4 b) => new(a.X * b.X, a.Y * b.Y, a.Z * b.Z, a.W * b.W);
    public static Float4 operator *(Float4 a, float b) => new(a.X * b, a.Y * b, a.Z * b, a.W * b);

    /// <summary>max(0, a); NaN stays NaN.</summary>
    public static Float4 Rectified(Float4 a) => new(Rectified(a.X), Rectified(a.Y), Rectified(a.Z), Rectified(a.W));

    /// <summary><paramref name="value"/> where <paramref name="gate"/> &gt; 0, else 0.</summary>
    public static Float4 WherePositive(Float4 gate, Float4 value) =>
        new(gate.X > 0 ? value.X : 0, gate.Y > 0 ? value.Y : 0, gate.Z > 0 ? value.Z : 0, gate.W > 0 ? value.W : 0);

    /// <summary>Elements 4·quad…4·quad + 3 of a vector whose length need not be a multiple of four; 0 past its end.</summary>
    public static Float4 LoadPart(ArrayView<float> values, int quad)
    {
        int at = quad * 4, length = values.IntLength;
        return at + 4 <= length
            ? values.Cast<Float4>()[quad]
            : new(at < length ? values[at] : 0, at + 1 < length ? values[at + 1] : 0, at + 2 < length ? values[at + 2] : 0, 0);
    }

    /// <summary>Stores elements 4·quad…4·quad + 3, up to the vector's end.</summary>
    public static void StorePart(ArrayView<float> values, int quad, Float4 v)
    {
        int at = quad * 4, length = values.IntLength;
        if (at + 4 <= length)
        {
            values.Cast<Float4>()[quad] = v;
            return;
        }
        if (at < length)
            values[at] = v.X;
        if (at + 1 < length)
            values[at + 1] = v.Y;
        if (at + 2 < length)
            values[at + 2] = v.Z;
    }

    private static float Rectified(float a) => a < 0 ? 0 : a;
}
