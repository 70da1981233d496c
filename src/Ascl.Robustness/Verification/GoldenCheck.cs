using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Verification;

/// <summary>The comparison of a quantity with a golden file.</summary>
/// <param name="Quantity">Its name in the file.</param>
/// <param name="Error">The largest deviation, in the unit of <paramref name="Measure"/>.</param>
/// <param name="Allowed">The tolerance.</param>
/// <param name="Measure">What the error is a fraction of.</param>
/// <param name="Skipped">Why it was not compared; null if it was.</param>
public sealed record GoldenCheck(string Quantity, double Error, double Allowed, string Measure, string? Skipped = null)
{
    /// <summary>Whether the error is within the tolerance; false for NaN.</summary>
    public bool Passed => Skipped is not null || Error <= Allowed;
}

/// <summary>Compares computations with golden files: values computed in double precision by an independent implementation.</summary>
public static class GoldenFile
{
    /// <summary>Recomputes all quantities of a file on <paramref name="device"/>.</summary>
    /// <exception cref="UserErrorException">The file is damaged, or its kind is unknown.</exception>
    public static IReadOnlyList<GoldenCheck> Verify(Device device, string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Comparison comparison = new(file);
        if (OnnxGolden.Is(file))
            OnnxGolden.Verify(device, file, comparison);
        else if (file.Contains("hidden"))
            ContrastiveGolden.Verify(device, file, comparison);
        else if (file.Contains("natural.logits"))
            ObjectiveGolden.Verify(device, file, comparison);
        else if (file.Contains("step0.adversarial"))
            StepGolden.Verify(device, file, comparison);
        else if (file.Contains("step0.images"))
            TrainingGolden.Verify(device, file, comparison);
        else if (file.Contains("eval.logits"))
            NetworkGolden.Verify(device, file, comparison);
        else if (file.Contains("apgd-ce.losses"))
            AutoAttackGolden.Verify(device, file, comparison);
        else
            throw new UserErrorException($"{path}: not a golden file: it holds none of hidden, natural.logits, step0.images, eval.logits, "
                + "apgd-ce.losses");
        return comparison.Checks;
    }
}

/// <summary>Collects the comparisons of one file.</summary>
internal sealed class Comparison(SafetensorsFile file)
{
    public List<GoldenCheck> Checks { get; } = [];
    public bool AllPassed => Checks.All(c => c.Passed);

    /// <summary>The errors that exceed the tolerance, as multiples of it.</summary>
    public IEnumerable<double> Excesses =>
        Checks.Where(c => !c.Passed).Select(c => double.IsNaN(c.Error) ? double.PositiveInfinity : c.Error / c.Allowed);

    /// <summary>Compares a number, with relative error.</summary>
    public void Value(string name, double ours, double allowed)
    {
        double expected = file.ReadDoubles(name)[0];
        Add(name, Math.Abs(ours - expected) / Math.Max(Math.Abs(expected), 1e-6), allowed, "of the value");
    }

    /// <summary>Compares a tensor, with the error relative to its largest entry.</summary>
    public void Tensor(string name, ReadOnlySpan<float> ours, double allowed)
    {
        double[] expected = file.ReadDoubles(name);
        if (expected.Length != ours.Length)
            throw new UserErrorException($"{file.Path}: {name} has {expected.Length} values, ours {ours.Length}");
        double largest = 1e-12, worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(ours[i] - expected[i]);
            worst = error > worst || double.IsNaN(error) ? error : worst;
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }
        Add(name, worst / largest, allowed, "of the largest entry");
    }

    public void Add(string name, double error, double allowed, string measure) => Checks.Add(new(name, error, allowed, measure));

    public void Skip(string name, string why) => Checks.Add(new(name, 0, 0, "", why));
}
