using Ascl.Core.Random;

namespace Ascl.Autograd.Checking;

/// <summary>A plain input of an <see cref="OpCase"/> whose gradient is checked.</summary>
/// <param name="Name">The op's name for it.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Its values, row-major.</param>
public sealed record OpInput(string Name, Shape Shape, float[] Values)
{
    /// <summary>The values rounded to multiples of 1/<paramref name="parts"/>, to create ties that are exact in float and double.</summary>
    public OpInput Rounded(int parts) => this with { Values = [.. Values.Select(v => MathF.Round(v * parts) / parts)] };

    /// <summary>The values times a factor.</summary>
    public OpInput Times(float factor) => this with { Values = [.. Values.Select(v => v * factor)] };

    /// <summary>A matrix with row <paramref name="row"/> replaced by zeros, or by a copy of another row.</summary>
    public OpInput WithRow(int row, int? copyOf = null)
    {
        int d = Shape[1];
        float[] values = [.. Values];
        if (copyOf is { } from)
            Array.Copy(values, from * d, values, row * d, d);
        else
            Array.Clear(values, row * d, d);
        return this with { Values = values };
    }
}

/// <summary>
/// One use of an op (or objective) on small inputs, with its formula in double precision: for gradient checks and comparisons of devices.
/// </summary>
/// <param name="Op">The op's name on the command line: "conv2d", "pgd-at".</param>
/// <param name="Variant">What distinguishes this case.</param>
/// <param name="Inputs">The differentiable inputs. Constants, such as labels, are captured by <paramref name="Run"/> and
/// <paramref name="Reference"/>.</param>
/// <param name="Run">The op, on plain tensors of the inputs' shapes; the result may have any layout.</param>
/// <param name="Reference">A naive implementation of the same formula, from the inputs' values to the result's in plain order. Must be
/// thread-safe.</param>
public sealed record OpCase(string Op, string Variant, OpInput[] Inputs, Func<Tensor[], Tensor> Run, Func<double[][], double[]> Reference)
{
    /// <summary>
    /// The documented gradient for inputs where there is no derivative or central differences would cross a kink: from the inputs and the
    /// seed (of the result's length). Null to use central differences of <see cref="Reference"/>.
    /// </summary>
    public Func<double[][], double[], double[][]>? Convention { get; init; }

    /// <summary>The op and the variant.</summary>
    public override string ToString() => $"{Op}: {Variant}";
}

/// <summary>Random inputs for cases, drawn one after another; the same for the same seed on any machine.</summary>
public sealed class CaseInputs(ulong seed)
{
    private uint drawn;

    /// <summary>An input with values in (−1, 1), none closer to 0 than 0.001.</summary>
    public OpInput Draw(string name, params ReadOnlySpan<int> sizes)
    {
        Shape shape = new(sizes);
        return new(name, shape, Values(shape.Length));
    }

    /// <summary>Values in (−1, 1), none closer to 0 than 0.001.</summary>
    public float[] Values(int length)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, NextKey(), -0.999f, 0.999f);
        for (int i = 0; i < length; i++)
            values[i] += values[i] < 0 ? -0.001f : 0.001f;
        return values;
    }

    /// <summary>Random integers in 0…<paramref name="count"/>−1.</summary>
    public int[] Indices(int length, int count)
    {
        RandomKey key = NextKey();
        return [.. Enumerable.Range(0, length).Select(i => Philox.ToIndex(Philox.Word(key, (uint)i), count))];
    }

    private RandomKey NextKey() => new(seed, RandomPurpose.Test, Index: drawn++);
}
