namespace Ascl.Kernels.Attack;

/// <summary>
/// The smallest change δ of an image x, with x and x + δ in [0, 1], that reaches the hyperplane w·δ = shift (Croce and Hein 2020,
/// "Minimally distorted adversarial examples with a fast adaptive boundary attack"). A pixel can move by at most cᵢ, its distance to the
/// bound it moves towards. In L∞ |δᵢ| = min(t, cᵢ), in L2 |δᵢ| = min(t·|wᵢ|, cᵢ), where t solves Σ |wᵢ||δᵢ| = |shift|. The left side is
/// concave and piecewise linear in t, so Newton's method from t = 0 stays left of the solution and reaches its piece. If the hyperplane is
/// out of reach, every pixel moves to its bound.
/// </summary>
internal readonly unsafe struct HyperplaneProjection
{
    /// <summary>Maximum number of iterations. There are as many pieces as pixels, but Newton's method skips many at a time.</summary>
    private const int MostPieces = 200;

    private readonly PerturbationNorm norm;
    private readonly float* x, w;
    private readonly double sign, t;

    /// <param name="norm">The norm that δ minimises.</param>
    /// <param name="x">The image.</param>
    /// <param name="w">The hyperplane's normal; pixels of weight 0 do not move.</param>
    /// <param name="length">Pixels.</param>
    /// <param name="shift">The value of w·δ to reach.</param>
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
            // No pixel can move any more, or by too little to matter.
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

    /// <summary>The norm of δ.</summary>
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

    /// <summary>How far a pixel can move in the direction that increases |w·δ|.</summary>
    private double Room(int i) => sign * w[i] > 0 ? 1 - (double)x[i] : x[i];
}
