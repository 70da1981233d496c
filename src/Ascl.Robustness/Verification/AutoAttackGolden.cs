using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Files;
using Ascl.Core.Random;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Verification;

/// <summary>
/// Golden files of Auto-Attack in L∞ on a small robust network, with this program's random numbers: weights, images, labels; the loss of
/// every iterate of APGD-CE and APGD-T, NaN once an image is misclassified; the smallest perturbation of FAB-T; the smallest margin of
/// Square; and, not of Auto-Attack, the margin of probabilities of every iterate of both rounds of PMA. The attacks run unmodified on a
/// network that records its logits, from which the losses of the iterates are computed.
/// </summary>
internal static class AutoAttackGolden
{
    /// <summary>Iterates whose losses differ by more than this count as different.</summary>
    private const double SameLoss = 1e-3;

    private const double IteratesAllowed = 0.02, SizesAllowed = 1e-3, MarginsAllowed = 1e-3;

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison)
    {
        Subject subject = new(device, file);
        double epsilon = NetworkGolden.Metadata(file, "epsilon");
        int targets = (int)NetworkGolden.Metadata(file, "targets"), queries = (int)NetworkGolden.Metadata(file, "queries");
        Iterates("apgd-ce.losses", new AutoPgdAttack(new(epsilon)), 0, (image, logits, _) => CrossEntropy(logits, image.Label));
        // The first forward pass of a targeted attack is that of the original image.
        Iterates("apgd-t.losses", new AutoPgdAttack(new(epsilon, Loss: AttackLoss.Dlr, Targets: targets)), 1,
            (image, logits, round) => Ratio(logits, image.Label, image.Wrong[round]));
        Iterates("pma.margins", new ProbabilityMarginAttack(epsilon), 0, (image, logits, _) => ProbabilityMargin(logits, image.Label));

        BoundaryAttack boundary = new(new(epsilon, Targets: targets));
        Nearest("fab-t.sizes", SizesAllowed, "of the size",
            (one, _, expected) => Math.Abs(boundary.Nearest(subject.Model, one).Sizes[0] - expected) / expected);
        SquareAttack square = new(epsilon, queries);
        Nearest("square.margins", MarginsAllowed, "in the margin", (one, image, expected) =>
            Math.Abs(subject.RecordedLogits(square, one)
                .Min(logits => -Margin(logits, image.Label, Wrong(logits, image.Label)[0])) - expected));

        // The fraction of iterates that differ, for each image on the rounding branch nearest to the golden one.
        void Iterates(string name, IAttack attack, int passesBefore, Func<Image, float[], int, double> loss)
        {
            double[] golden = file.ReadDoubles(name);
            Each(name, IteratesAllowed, "of an image's iterates differ", golden, (one, image, expected) =>
            {
                double[][] paths = [.. expected.Chunk(1 + attack.Steps).Select(path => path.TakeWhile(v => !double.IsNaN(v)).ToArray())];
                float[][] recorded = [.. subject.RecordedLogits(attack, one).Skip(passesBefore)];
                int at = 0, differ = Math.Abs(recorded.Length - paths.Sum(path => path.Length));
                foreach (var (round, path) in paths.Index())
                    foreach (double value in path)
                        if (at < recorded.Length)
                            differ += Math.Abs(loss(image, recorded[at++], round) - value) <= SameLoss ? 0 : 1;
                return (double)differ / paths.Sum(path => path.Length);
            });
        }

        void Nearest(string name, double allowed, string measure, Func<ImageBatch, Image, double, double> error) =>
            Each(name, allowed, measure, file.ReadDoubles(name), (one, image, expected) => error(one, image, expected[0]));

        void Each(string name, double allowed, string measure, double[] golden, Func<ImageBatch, Image, double[], double> error)
        {
            double worst = 0;
            foreach (var (n, image) in subject.Images.Index())
            {
                double[] expected = golden[(n * golden.Length / subject.Images.Length)..((n + 1) * golden.Length / subject.Images.Length)];
                double least = double.PositiveInfinity;
                // Once an image has failed on all branches, only one branch of the others is tried.
                for (int branch = 0; branch < (worst > allowed ? 1 : RoundingBranches.First) && !(least <= allowed); branch++)
                    least = Math.Min(least, error(subject.Batch(n, branch), image, expected));
                worst = Math.Max(worst, least);
            }
            comparison.Add(name, worst, allowed, measure);
        }
    }

    private static double CrossEntropy(float[] logits, int label)
    {
        double largest = logits.Max();
        return largest + Math.Log(logits.Sum(z => Math.Exp(z - largest))) - logits[label];
    }

    private static double ProbabilityMargin(float[] logits, int label)
    {
        double largest = logits.Max();
        double[] shares = [.. logits.Select(z => Math.Exp(z - largest))];
        return (shares.Where((_, c) => c != label).Max() - shares[label]) / shares.Sum();
    }

    private static double Margin(float[] logits, int label, int target) => (double)logits[target] - logits[label];

    private static double Ratio(float[] logits, int label, int target)
    {
        float[] order = [.. logits.OrderDescending()];
        return Margin(logits, label, target) / (order[0] - 0.5 * ((double)order[2] + order[3]) + 1e-12);
    }

    private static int[] Wrong(float[] logits, int label) =>
        [.. Enumerable.Range(0, logits.Length).Where(c => c != label).OrderByDescending(c => logits[c])];

    /// <param name="Wrong">The wrong classes, most likely first.</param>
    private sealed record Image(float[] Pixels, int Label, int[] Wrong);

    /// <summary>The file's network and images.</summary>
    private sealed class Subject
    {
        private readonly List<float[]> answers = [];
        private readonly Shape shape;
        private readonly ulong seed;

        public Subject(Device device, SafetensorsFile file)
        {
            seed = (ulong)NetworkGolden.Metadata(file, "seed");
            string network = NetworkGolden.Text(file, "architecture");
            float Value(string key) => (float)NetworkGolden.Metadata(file, key);
            WeightShapes shapes = WeightShapes.Of(file, "weights.");
            Model = new(device, new(network, shapes.Channels, shapes.Classes, [Value("mean")], [Value("std")]),
                (parameters, settings) => new RecordingNetwork(NetworkCatalog.Create(network, parameters, settings), answers), seed: null);
            WeightFile.Load(Model.Parameters, file, "weights.");
            int[] sizes = file.Shape("images");
            shape = new([1, .. sizes[1..]]);
            long[] labels = file.ReadIntegers("labels");
            Images = [.. file.ReadFloats("images").Chunk(shape.Length).Select((pixels, n) => new Image(pixels, (int)labels[n], []))];
            for (int n = 0; n < Images.Length; n++)
            {
                float[] logits = Model.Forward(Batch(n, 0).Images, ForwardMode.Inference).Logits.ToArray();
                Images[n] = Images[n] with { Wrong = Wrong(logits, Images[n].Label) };
            }
        }

        public Classifier Model { get; }
        public Image[] Images { get; }

        /// <summary>A batch of one image, perturbed by rounding.</summary>
        public ImageBatch Batch(int n, int branch) =>
            new(Tensor.FromArray(Model.Device, shape, RoundingBranches.Input(Images[n].Pixels, branch)),
                Model.Device.Upload<int>([Images[n].Label]), Model.Device.Upload<int>([n]));

        /// <summary>The logits of all forward passes of an attack on an image.</summary>
        public float[][] RecordedLogits(IAttack attack, ImageBatch one)
        {
            answers.Clear();
            attack.Perturb(Model, one, new RandomKey(seed, RandomPurpose.AttackStart));
            return [.. answers];
        }
    }

    /// <summary>A network that records its logits.</summary>
    private sealed class RecordingNetwork(INetwork network, List<float[]> answers) : INetwork
    {
        public int LatentSize => network.LatentSize;
        public string HeadPrefix => network.HeadPrefix;
        public bool RunsInPieces => false;

        public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
        {
            ModelOutput output = network.Forward(x, mode, stage);
            answers.Add(output.Logits.ToArray());
            return output;
        }
    }
}
