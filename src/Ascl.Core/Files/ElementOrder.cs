using System.Runtime.InteropServices;

namespace Ascl.Core.Files;

/// <summary>Orders of a tensor's elements in memory.</summary>
internal static class ElementOrder
{
    /// <summary>The strides of row-major order, in elements.</summary>
    public static long[] RowMajor(ReadOnlySpan<int> shape)
    {
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int i = shape.Length - 1; i >= 0; stride *= shape[i--])
            strides[i] = stride;
        return strides;
    }

    /// <summary>The strides of column-major (Fortran) order, in elements.</summary>
    public static long[] ColumnMajor(ReadOnlySpan<int> shape)
    {
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int i = 0; i < shape.Length; stride *= shape[i++])
            strides[i] = stride;
        return strides;
    }

    /// <summary>Whether elements with these strides lie in row-major order without gaps.</summary>
    public static bool IsRowMajor(ReadOnlySpan<int> shape, ReadOnlySpan<long> strides)
    {
        long[] rowMajor = RowMajor(shape);
        for (int i = 0; i < shape.Length; i++)
        {
            if (shape[i] > 1 && strides[i] != rowMajor[i])
                return false;
        }
        return true;
    }

    /// <summary>The number of elements from the first to the last one of a tensor.</summary>
    /// <exception cref="OverflowException">It is too large.</exception>
    public static long Extent(ReadOnlySpan<int> shape, ReadOnlySpan<long> strides)
    {
        long last = 0;
        for (int i = 0; i < shape.Length; i++)
        {
            if (shape[i] == 0)
                return 0;
            last = checked(last + (shape[i] - 1) * strides[i]);
        }
        return checked(last + 1);
    }

    /// <summary>Copies elements into row-major order.</summary>
    /// <param name="source">Their bytes, from the first element on.</param>
    /// <param name="size">Bytes of an element: 1, 2, 4 or 8.</param>
    /// <param name="shape">Dimensions, outermost first.</param>
    /// <param name="strides">Elements from one index to the next, for each dimension; not negative.</param>
    public static byte[] Gather(ReadOnlySpan<byte> source, int size, ReadOnlySpan<int> shape, ReadOnlySpan<long> strides)
    {
        byte[] result = new byte[checked((int)(TensorFile.Elements(shape.ToArray()) * size))];
        switch (size)
        {
            case 1: Copy(source, result, shape, strides); break;
            case 2: Copy(As<ushort>(source), MemoryMarshal.Cast<byte, ushort>(result.AsSpan()), shape, strides); break;
            case 4: Copy(As<uint>(source), MemoryMarshal.Cast<byte, uint>(result.AsSpan()), shape, strides); break;
            default: Copy(As<ulong>(source), MemoryMarshal.Cast<byte, ulong>(result.AsSpan()), shape, strides); break;
        }
        return result;

        static ReadOnlySpan<T> As<T>(ReadOnlySpan<byte> bytes) where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes);
    }

    /// <summary>Reverses the bytes of each element.</summary>
    public static void SwapBytes(Span<byte> elements, int size)
    {
        for (int i = 0; i + size <= elements.Length; i += size)
            elements.Slice(i, size).Reverse();
    }

    private static void Copy<T>(ReadOnlySpan<T> source, Span<T> target, ReadOnlySpan<int> shape, ReadOnlySpan<long> strides)
    {
        if (target.IsEmpty)
            return;
        int rank = shape.Length, inner = rank == 0 ? 1 : shape[^1];
        long step = rank == 0 ? 1 : strides[^1], start = 0;
        Span<int> index = stackalloc int[Math.Max(rank - 1, 0)];
        for (int row = 0; row < target.Length; row += inner)
        {
            Span<T> values = target.Slice(row, inner);
            for (int i = 0; i < inner; i++)
                values[i] = source[(int)(start + i * step)];
            for (int d = index.Length - 1; d >= 0; d--)
            {
                start += strides[d];
                if (++index[d] < shape[d])
                    break;
                start -= shape[d] * strides[d];
                index[d] = 0;
            }
        }
    }
}
