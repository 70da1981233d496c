using System.Text.Json.Serialization;
using Ascl.Kernels.Devices;
using Ascl.Kernels.PairDistance;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.LatentStudy;

/// <summary>Mean distances of pairs within and between classes, and their ratio.</summary>
/// <param name="Distance">Name of the distance.</param>
/// <param name="Intra">Mean distance of pairs of one class; null without any.</param>
/// <param name="Inter">Mean distance of pairs of two classes; null without any.</param>
/// <param name="Ratio">R-DIV, defined here as intra/inter: smaller if classes are better separated. Null without pairs of both
/// kinds.</param>
public sealed record Divergence(string Distance, double? Intra, double? Inter, double? Ratio);

/// <summary>The divergences of a stage, for pairs of natural images, of a natural and an adversarial image (of another one), and of
/// adversarial images.</summary>
/// <param name="Stage">Name of the stage.</param>
/// <param name="Size">Length of a row.</param>
/// <param name="Natural">Of pairs of natural images, for each distance.</param>
/// <param name="NaturalAdversarial">Of pairs of a natural and an adversarial image.</param>
/// <param name="Adversarial">Of pairs of adversarial images.</param>
public sealed record StageStudy(string Stage, int Size, IReadOnlyList<Divergence> Natural, IReadOnlyList<Divergence> NaturalAdversarial,
    IReadOnlyList<Divergence> Adversarial);

/// <summary>A study of a classifier's representations: study.json.</summary>
/// <param name="Name">Short name of the run.</param>
/// <param name="Weights">The weight file.</param>
/// <param name="Model">Name of the network.</param>
/// <param name="Data">Name of the data set.</param>
/// <param name="Count">Number of images.</param>
/// <param name="Attack">Name of the attack.</param>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="CleanAccuracy">Fraction of images that are classified correctly.</param>
/// <param name="RobustAccuracy">Fraction of images that are classified correctly before and after the attack.</param>
/// <param name="Stages">The divergences at each stage.</param>
/// <param name="NearestNatural">Fraction of natural images whose nearest other natural latent (L2) has the same label.</param>
/// <param name="NearestAdversarial">Fraction of adversarial images whose nearest natural latent, except that of their own image, has the
/// same label.</param>
/// <param name="Norm">Norm of the attack: linf or l2.</param>
/// <param name="Part">Part of the data set the images are from: test, or train if there is no test part.</param>
/// <param name="TrainedOn">How many of the images the weights were trained on; null if unknown.</param>
public sealed record StudyReport(
    string Name, string Weights, string Model, string Data, int Count, string Attack, double Epsilon, double CleanAccuracy,
    double RobustAccuracy, IReadOnlyList<StageStudy> Stages,
    double NearestNatural, double NearestAdversarial, string Norm = "linf", string Part = "test", int? TrainedOn = null)
{
    /// <inheritdoc cref="EvaluationReport.IsOnUnseenImages"/>
    [JsonIgnore]
    public bool IsOnUnseenImages => EvaluationReport.AreUnseen(Part, TrainedOn);

    /// <summary>The stage before the last linear layer.</summary>
    [JsonIgnore]
    public StageStudy Latent => Stages.First(s => s.Stage == "latent");
}

/// <summary>Divergences and nearest neighbours of a network's representations (Bui et al. 2021 relate adversarial R-DIV to robust
/// accuracy).</summary>
public static class LatentStudies
{
    /// <summary>The divergences of each stage in L2, cosine and L∞ distance, for pairs of natural images, of a natural and an adversarial
    /// image, and of adversarial images.</summary>
    public static IReadOnlyList<StageStudy> Stages(Device device, LatentRows rows) => [.. rows.Stages.Select(stage =>
    {
        using IDisposable scope = device.Pool.BeginScope();
        DeviceBuffer<float> natural = device.Upload<float>(stage.Natural), adversarial = device.Upload<float>(stage.Adversarial);
        DeviceBuffer<int> labels = device.Upload<int>(rows.Labels);
        return new StageStudy(stage.Stage, stage.Size, Of(natural, natural), Of(natural, adversarial), Of(adversarial, adversarial));

        IReadOnlyList<Divergence> Of(DeviceBuffer<float> a, DeviceBuffer<float> b)
        {
            PairMeans means = PairMeansKernels.Between(stage.Size, a, b, labels);
            return [Divergence("l2", means.Same.L2, means.Other.L2), Divergence("cosine", means.Same.Cosine, means.Other.Cosine),
                Divergence("linf", means.Same.Linf, means.Other.Linf)];
        }
    })];

    /// <summary>Fractions of natural and of adversarial rows whose nearest natural row of another image (L2) has the same label.</summary>
    public static (double Natural, double Adversarial) NearestLabels(StageRows rows, int[] labels, int threads)
    {
        int n = labels.Length;
        bool[] natural = new bool[n], adversarial = new bool[n];
        Parallel.For(0, n, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            natural[i] = labels[Nearest(rows.Natural, i)] == labels[i];
            adversarial[i] = labels[Nearest(rows.Adversarial, i)] == labels[i];
        });
        return (natural.Average(hit => hit ? 1.0 : 0), adversarial.Average(hit => hit ? 1.0 : 0));

        int Nearest(float[] from, int i)
        {
            (int index, double least) = (i, double.PositiveInfinity);
            for (int j = 0; j < n; j++)
            {
                double squares = 0;
                for (int k = 0; j != i && k < rows.Size; k++)
                {
                    double difference = from[i * rows.Size + k] - rows.Natural[j * rows.Size + k];
                    squares += difference * difference;
                }
                if (j != i && squares < least)
                    (index, least) = (j, squares);
            }
            return index;
        }
    }

    /// <summary>Projects rows [N, size] onto their first two principal components, found by power iteration from a fixed vector.</summary>
    public static (double X, double Y)[] PrincipalComponents(float[] rows, int size)
    {
        int n = rows.Length / size;
        double[] mean = new double[size];
        for (int i = 0; i < rows.Length; i++)
            mean[i % size] += rows[i] / (double)n;
        double[] first = Direction([]), second = Direction(first);
        return [.. Enumerable.Range(0, n).Select(i => (Along(i, first), Along(i, second)))];

        double Along(int i, double[] direction)
        {
            double sum = 0;
            for (int k = 0; k < size; k++)
                sum += (rows[i * size + k] - mean[k]) * direction[k];
            return sum;
        }

        double[] Direction(double[] orthogonalTo)
        {
            double[] direction = [.. Enumerable.Range(0, size).Select(k => Math.Sin(k + 1.0))];
            for (int iteration = 0; iteration < 100; iteration++)
            {
                double[] next = new double[size];
                for (int i = 0; i < n; i++)
                {
                    double along = Along(i, direction);
                    for (int k = 0; k < size; k++)
                        next[k] += along * (rows[i * size + k] - mean[k]);
                }
                double overlap = orthogonalTo.Length == 0 ? 0 : next.Zip(orthogonalTo, (a, b) => a * b).Sum();
                for (int k = 0; k < size && orthogonalTo.Length > 0; k++)
                    next[k] -= overlap * orthogonalTo[k];
                double length = Math.Sqrt(next.Sum(v => v * v));
                if (length < 1e-30)
                    return new double[size];
                direction = [.. next.Select(v => v / length)];
            }
            return direction;
        }
    }

    private static Divergence Divergence(string distance, double intra, double inter) =>
        new(distance, Known(intra), Known(inter), inter > 0 && double.IsFinite(intra) ? intra / inter : null);

    private static double? Known(double mean) => double.IsFinite(mean) ? mean : null;
}

/// <summary>Source-generated JSON of studies and their comparison.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StudyReport))]
[JsonSerializable(typeof(StudyComparison))]
internal sealed partial class StudyJson : JsonSerializerContext;
