using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Attack;

/// <summary>
/// <see cref="HyperplaneProjection"/> by a group of threads: the same iteration in single precision. Normal and shift are divided by the
/// normal's largest entry, so that squares of small gradients do not underflow.
/// </summary>
internal readonly struct HyperplaneProjectionCuda
{
    private const int MostPieces = 200;

    private readonly int isLinf, at, end;
    private readonly float unit, sign, t;

    /// <param name="shared">Shared memory for <see cref="GroupReduction"/>.</param>
    /// <param name="x">Images.</param>
    /// <param name="w">Normals.</param>
    /// <param name="at">Index of the image's first pixel and the normal's first entry.</param>
    /// <param name="length">Pixels.</param>
    /// <param name="unit">The largest entry of the normal.</param>
    /// <param name="shift">In units of w·δ/unit.</param>
    public HyperplaneProjectionCuda(
        int isLinf, ArrayView<float> shared, ArrayView<float> x, ArrayView<float> w, int at, int length, float unit, float shift)
    {
        this.isLinf = isLinf;
        this.at = at;
        this.unit = unit;
        end = at + length;
        sign = shift < 0 ? -1 : 1;
        t = 0;
        float wanted = MathF.Abs(shift);
        for (int piece = 0; piece < MostPieces; piece++)
        {
            float reached = 0, slope = 0;
            for (int i = at + Group.IdxX; i < end; i += Group.DimX)
            {
                float weight = MathF.Abs(w[i] / unit), rate = isLinf == 1 ? 1 : weight, room = Room(x, w, i), move = rate * t;
                reached += weight * (move < room ? move : room);
                slope += move < room ? weight * rate : 0;
            }
            reached = GroupReduction.Sum(shared, reached);
            slope = GroupReduction.Sum(shared, slope);
            float next = slope > 0 ? t + (wanted - reached) / slope : float.PositiveInfinity;
            if (reached >= wanted || next == t)
                break;
            t = next;
            if (t == float.PositiveInfinity)
                break;
        }
    }

    /// <summary>δ of a pixel.</summary>
    public float Change(ArrayView<float> x, ArrayView<float> w, int i)
    {
        float weight = w[i] / unit, room = Room(x, w, i), move = isLinf == 1 ? t : MathF.Abs(weight) * t;
        float change = move < room ? move : room;
        return weight > 0 ? sign * change : weight < 0 ? -sign * change : 0;
    }

    /// <summary>The norm of δ.</summary>
    public float Length(ArrayView<float> shared, ArrayView<float> x, ArrayView<float> w)
    {
        float largest = 0, squares = 0;
        for (int i = at + Group.IdxX; i < end; i += Group.DimX)
        {
            float change = MathF.Abs(Change(x, w, i));
            largest = change > largest ? change : largest;
            squares += change * change;
        }
        return isLinf == 1 ? GroupReduction.Max(shared, largest) : MathF.Sqrt(GroupReduction.Sum(shared, squares));
    }

    private float Room(ArrayView<float> x, ArrayView<float> w, int i) => sign * w[i] > 0 ? 1 - x[i] : x[i];
}
