using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ascl.Kernels.Attack;

/// <summary>
/// The step δ along a decision boundary that brings x nearest to the original (Brendel et al. 2019, "Accurate, reliable and fast robustness
/// evaluation"): min ‖x + δ − original‖∞ subject to w·δ ≥ shift, ‖δ‖₂ ≤ radius and x + δ in [0, 1]. If the hyperplane is out of reach, δ is
/// the step that comes nearest to it. The authors require w·δ = shift; the two differ only where the image can come as near to the original
/// without losing its distance from the boundary. For a given size e of the total change, each δᵢ has an interval, and the shortest δ for a
/// given w·δ is δᵢ = clip(λwᵢ) to it. Both w·δ and ‖δ‖ increase with λ, and what is feasible for one e is feasible for every larger one. So
/// e is found by bisection, and within it λ by a bracketed Newton's method, with a bounded number of passes. δ is 0 if w or shift is not
/// finite or the radius is not positive.
/// </summary>
internal unsafe struct TrustRegionStep
{
    private const int MostHalvings = 50, MostTries = 100;
    private const double SizeTolerance = 1e-9, RadiusTolerance = 1e-9;

    private readonly float* original, x, w;
    private readonly int length;
    private readonly double shift, squaredRadius, mostLambda, freeLambda;
    private double size, lambda;

    /// <param name="original">The original image, in [0, 1].</param>
    /// <param name="x">The current image, in [0, 1].</param>
    /// <param name="w">The hyperplane's normal, towards the adversarial side; pixels of weight 0 move only towards the original.</param>
    /// <param name="length">Pixels.</param>
    /// <param name="shift">The value of w·δ to reach; negative if x is beyond the hyperplane.</param>
    /// <param name="radius">L2 radius of the trust region.</param>
    public TrustRegionStep(float* original, float* x, float* w, int length, double shift, double radius)
    {
        this.original = original;
        this.x = x;
        this.w = w;
        (this.length, this.shift, squaredRadius) = (length, shift, radius * radius);
        double apart = 0, squares = 0, least = double.PositiveInfinity;
        for (int i = 0; i < length; i++)
        {
            double weight = Math.Abs((double)w[i]);
            squares += weight * weight;
            apart = Math.Max(apart, Math.Abs((double)x[i] - original[i]));
            least = weight > 0 ? Math.Min(least, weight) : least;
        }
        IsStill = !(double.IsFinite(squares) && double.IsFinite(shift) && radius > 0);
        if (IsStill)
            return;
        // Bounds of λ: at mostLambda every pixel that λ moves is at the end of its interval; at freeLambda ‖δ‖ would be the radius if there
        // were no intervals.
        (mostLambda, freeLambda) = squares > 0 ? (2 / least, radius / Math.Sqrt(squares)) : (0, 0);
        lambda = freeLambda;
        // No pixel moves by more than the radius.
        (double low, double high) = (Math.Max(apart - radius, 0), apart);
        if (!Reaches(high))
        {
            (low, high) = (high, 1);
            if (!Reaches(high))
            {
                (size, lambda) = (high, Furthest());
                return;
            }
        }
        double found = lambda;
        for (int i = 0; i < MostHalvings && high - low > SizeTolerance; i++)
        {
            double middle = (low + high) / 2;
            if (Reaches(middle))
                (high, found) = (middle, lambda);
            else
                low = middle;
        }
        (size, lambda) = (high, found);
    }

    private readonly bool IsStill { get; }

    /// <summary>δ of a pixel.</summary>
    public readonly double Change(int i) => IsStill ? 0 : Clipped(lambda * w[i], original[i], x[i], size);

    /// <summary>Whether some δ in the trust region reaches the hyperplane with a total change of size e; if so, λ is that of δ.</summary>
    private bool Reaches(double e)
    {
        (double along, double squares, _) = At(e, 0);
        if (squares > squaredRadius)
            return false;
        if (along >= shift)
        {
            lambda = 0;
            return true;
        }
        (along, squares, _) = At(e, mostLambda);
        if (along < shift)
            return false;
        if (squares <= squaredRadius)
        {
            lambda = mostLambda;
            return true;
        }
        (double low, double high, double tried) = (0, mostLambda, lambda > 0 ? lambda : freeLambda);
        for (int i = 0; i < MostTries; i++)
        {
            (along, squares, double slope) = At(e, tried);
            if (along >= shift && squares <= squaredRadius)
            {
                lambda = tried;
                return true;
            }
            if (along < shift && squares >= squaredRadius)
                return false;
            (low, high) = along < shift ? (tried, high) : (low, tried);
            double next = tried + (shift - along) / slope;
            // If Newton's method has no slope, leaves the bracket or is slow: the geometric mean of the bracket.
            tried = i % 4 != 3 && next > low && next < high ? next : Middle(low, high);
        }
        return false;
    }

    /// <summary>The largest λ with δ in the trust region, for any size of the total change.</summary>
    private readonly double Furthest()
    {
        if (At(1, mostLambda).Squares <= squaredRadius)
            return mostLambda;
        (double low, double high) = (freeLambda, mostLambda);
        for (int i = 0; i < MostTries; i++)
        {
            double tried = Middle(low, high), squares = At(1, tried).Squares;
            (low, high) = squares <= squaredRadius ? (tried, high) : (low, tried);
            if (squares <= squaredRadius && squares >= squaredRadius * (1 - RadiusTolerance))
                break;
        }
        return low;
    }

    private static double Middle(double low, double high) => low > 0 ? Math.Sqrt(low) * Math.Sqrt(high) : high / 1024;

    /// <summary>w·δ, ‖δ‖² and the derivative of w·δ with respect to λ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly (double Along, double Squares, double Slope) At(double e, double lambda)
    {
        Vector256<double> along = default, squares = default, slope = default, ball = Vector256.Create(e), rate = Vector256.Create(lambda);
        int i = 0;
        for (; i + 8 <= length; i += 8)
        {
            (Vector256<double> o1, Vector256<double> o2) = Vector256.Widen(Vector256.Load(original + i));
            (Vector256<double> p1, Vector256<double> p2) = Vector256.Widen(Vector256.Load(x + i));
            (Vector256<double> g1, Vector256<double> g2) = Vector256.Widen(Vector256.Load(w + i));
            Vector256<double> free1 = rate * g1, free2 = rate * g2, change1 = Clipped(free1, o1, p1, ball);
            Vector256<double> change2 = Clipped(free2, o2, p2, ball);
            along += g1 * change1 + g2 * change2;
            squares += change1 * change1 + change2 * change2;
            slope += (g1 * g1 & Vector256.Equals(change1, free1)) + (g2 * g2 & Vector256.Equals(change2, free2));
        }
        (double a, double b, double c) = (Vector256.Sum(along), Vector256.Sum(squares), Vector256.Sum(slope));
        for (; i < length; i++)
        {
            double free = lambda * w[i], change = Clipped(free, original[i], x[i], e);
            (a, b, c) = (a + w[i] * change, b + change * change, change == free ? c + (double)w[i] * w[i] : c);
        }
        return (a, b, c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Clipped(
        Vector256<double> change, Vector256<double> original, Vector256<double> x, Vector256<double> size) =>
        Vector256.Min(Vector256.Max(change, Vector256.Max(original - size, Vector256<double>.Zero) - x),
            Vector256.Min(original + size, Vector256<double>.One) - x);

    private static double Clipped(double change, double original, double x, double size) =>
        Math.Min(Math.Max(change, Math.Max(original - size, 0) - x), Math.Min(original + size, 1) - x);
}
