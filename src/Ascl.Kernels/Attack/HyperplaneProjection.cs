namespace Ascl.Kernels.Attack;

/// <summary>
/// The smallest change δ of an image x, in [0, 1] before and after, that meets the hyperplane w·δ = shift (Croce and Hein 2020, "Minimally distorted adversarial
/// examples with a fast adaptive boundary attack"). Every pixel may move up to the border it moves to, room cᵢ. In L∞ |δᵢ| = min(t, cᵢ), in L2
/// |δᵢ| = min(t·|wᵢ|, cᵢ), and t solves the one equation Σ |wᵢ||δᵢ| = |shift|, whose left side is concave and piecewise linear in t: Newton's method from
/// t = 0 stays left of the solution and ends on its piece. Where the hyperplane is out of reach every pixel goes to its border.
/// </summary>
/// <param name="norm">Which length of δ is smallest.</param>
/// <param name="x">The image.</param>
/// <param name="w">The hyperplane's normal; pixels of weight 0 do not move.</param>
/// <param name="length">Pixels.</param>
/// <param name="shift">How far the hyperplane is, in units of w·δ.</param>
internal readonly unsafe struct HyperplaneProjection
{
    /// <summary>Pieces are as many as pixels; Newton's method passes many at a time.</summary>
    private const int MostPieces = 200;

    private readonly PerturbationNorm norm;
    private readonly float* x, w;
    private readonly double sign, t;

    public HyperplaneProjection(PerturbationNorm norm, float* x, float* w, int length, double shift)
    {
        this.norm = norm;
        this.x = x;
        this.w = w;
        sign = shift < 0 ? -1 : 1;
        double wanted = Math.Abs(shift);
        for (int piece = 0; piece < MostPieces; piece++)
        {
            double reached = 0, slope = 0;
            for (int i = 0; i < length; i++)
            {
                double weight = Math.Abs((double)w[i]), rate = norm == PerturbationNorm.Linf ? 1 : weight, room = Room(i), move = rate * t;
                reached += weight * Math.Min(move, room);
                slope += move < room ? weight * rate : 0;
            }
            if (reached >= wanted)
                return;
            // Nothing can move any more, or too little to tell.
            double next = slope > 0 ? t + (wanted - reached) / slope : double.PositiveInfinity;
            if (next == t)
                return;
            t = next;
            if (double.IsInfinity(t))
                return;
        }
    }

    /// <summary>δ of a pixel.</summary>
    public double Change(int i)
    {
        if (w[i] == 0)
            return 0;
        double move = norm == PerturbationNorm.Linf ? t : Math.Abs((double)w[i]) * t;
        return sign * Math.Sign(w[i]) * Math.Min(move, Room(i));
    }

    /// <summary>The length of δ.</summary>
    public double Length(int length)
    {
        double largest = 0, squares = 0;
        for (int i = 0; i < length; i++)
        {
            double change = Change(i);
            largest = Math.Max(largest, Math.Abs(change));
            squares += change * change;
        }
        return norm == PerturbationNorm.Linf ? largest : Math.Sqrt(squares);
    }

    /// <summary>How far a pixel can go in the direction that helps.</summary>
    private double Room(int i) => sign * w[i] > 0 ? 1 - (double)x[i] : x[i];
}
