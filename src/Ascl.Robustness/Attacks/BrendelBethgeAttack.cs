using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Margin;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// The attack of Brendel and Bethge in L∞ (Brendel et al. 2019, "Accurate, reliable and fast robustness evaluation"): from a point that is
/// adversarial, back to the decision boundary, then along it towards the image, each step the best one within a trust region:
/// <see cref="TrustRegionStep"/>. The schedule is that of the authors' code: overshoot 1.1, the boundary's normal averaged with momentum
/// 0.8, a radius of a thousandth of the pixels that is halved twenty times. Starts are those of PGD-20 on the margin, with steps of half
/// the ball: in the ball of ε, and for images that it does not turn there, in balls twice as large each, up to all images. An image that no
/// ball turns stays as it is. Within ε it counts as an attack; the size found tells how far the boundary is.
/// </summary>
public sealed class BrendelBethgeAttack(double epsilon, int steps = 200) : IAttack
{
    private const int StartSteps = 20, Searches = 10, Decays = 20;
    private const float Momentum = 0.8f, Overshoot = 1.1f;
    private const uint MostBalls = 16;
    private const double FirstRadius = 1e-3, LeastBall = 1.0 / 255;

    /// <inheritdoc/>
    public string Name => "Brendel & Bethge";
    /// <inheritdoc/>
    public PerturbationNorm Norm => PerturbationNorm.Linf;
    /// <inheritdoc/>
    public double Epsilon { get; } = AttackChecks.NotNegative("epsilon", epsilon);
    /// <inheritdoc/>
    public int Steps { get; } = AttackChecks.AtLeast("steps", steps, 1);

    /// <summary>The nearest adversarial image found where it is within ε; else the original.</summary>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        var (nearest, sizes) = Nearest(model, batch, key, epsilon);
        return NearestAttack.Within(epsilon, batch, nearest, sizes);
    }

    /// <summary>The nearest adversarial image found for each image, and the size of its change, infinite where none was found; 0 for those
    /// that are wrong.</summary>
    /// <param name="enough">An image is left alone once a change no larger than this is found.</param>
    public (Tensor Images, float[] Sizes) Nearest(Classifier model, ImageBatch batch, RandomKey key, double enough = 0)
    {
        Tensor nearest = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, nearest.Data, 0, batch.Images.Shape.Length);
        using IDisposable scope = model.Device.Pool.BeginScope();
        NearestSoFar found = new(model, batch, nearest);
        found.Keep(batch.Images, [.. Enumerable.Range(0, batch.Count)]);
        Start(found, key);
        if (found.Places(size => size > enough && float.IsFinite(size)) is { Length: > 0 } places)
            Walk(found, places, enough);
        return (nearest, found.Sizes);
    }

    /// <summary>What is known of a batch's images: the nearest adversarial one of each, and its size.</summary>
    private sealed class NearestSoFar(Classifier model, ImageBatch batch, Tensor nearest)
    {
        private readonly int image = batch.Images.Shape.Length / batch.Count;
        private readonly int[] labels = batch.Labels.ToArray();

        public Classifier Model => model;
        public ImageBatch Batch => batch;
        public Tensor Nearest => nearest;
        public int Image => image;
        public float[] Sizes { get; } = [.. Enumerable.Repeat(float.PositiveInfinity, batch.Count)];

        public int[] Places(Func<float, bool> which) => [.. Sizes.Index().Where(s => which(s.Item)).Select(s => s.Index)];

        /// <summary>Looks at points for some of the images, and keeps those that are adversarial and nearer than what was known.</summary>
        /// <returns>Whether each is adversarial.</returns>
        public bool[] Keep(Tensor x, int[] places)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            return Keep(x, places, model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray());
        }

        public bool[] Keep(Tensor x, int[] places, int[] predictions)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            DeviceBuffer<float> lengths = model.Device.Allocate<float>(places.Length);
            BoundaryKernels.Lengths(PerturbationNorm.Linf, image, ImageBatch.SelectImages(batch.Images, places).Data, x.Data, lengths);
            bool[] isTurned = [.. predictions.Select((prediction, i) => prediction != labels[places[i]])];
            foreach (var (i, length) in lengths.ToArray().Index())
                if (isTurned[i] && length < Sizes[places[i]])
                {
                    Sizes[places[i]] = length;
                    ElementwiseKernels.Copy(x.Data, i * image, nearest.Data, places[i] * image, image);
                }
            return isTurned;
        }
    }

    /// <summary>An adversarial point for every image that PGD turns in some ball, and from it back towards the image to where the
    /// prediction changes.</summary>
    private void Start(NearestSoFar found, RandomKey key)
    {
        uint round = 0;
        for (double ball = Math.Max(epsilon, LeastBall), before = 0; before < 1; before = ball, ball = Math.Min(2 * ball, 1))
        {
            using IDisposable scope = found.Model.Device.Pool.BeginScope();
            int[] places = found.Places(float.IsInfinity);
            if (places.Length == 0)
                break;
            PgdAttack pgd = new(new(ball, ball / 2, StartSteps, Loss: AttackLoss.Margin, EarlyStop: true));
            // Balls from 1/255 to 1 are nine: a restart takes up other numbers than any ball of the one before.
            found.Keep(pgd.Perturb(found.Model, found.Batch.Select(places),
                key with { Purpose = RandomPurpose.BrendelBethge, Step = key.Step * MostBalls + round++ }),
                places);
        }
        int[] started = found.Places(size => size > 0 && float.IsFinite(size));
        if (started.Length == 0)
            return;
        ImageBatch batch = found.Batch.Select(started);
        Tensor start = ImageBatch.SelectImages(found.Nearest, started), x = Tensor.EmptyLike(start);
        float[] low = new float[started.Length], high = [.. started.Select(place => found.Sizes[place])];
        for (int search = 0; search < Searches; search++)
        {
            using IDisposable scope = found.Model.Device.Pool.BeginScope();
            float[] middle = [.. low.Zip(high, (a, b) => (a + b) / 2)];
            BrendelBethgeKernels.Between(found.Image, batch.Images.Data, start.Data, found.Model.Device.Upload<float>(middle), x.Data);
            foreach (var (i, isTurned) in found.Keep(x, started).Index())
                (low[i], high[i]) = isTurned ? (low[i], middle[i]) : (middle[i], high[i]);
        }
    }

    /// <summary>All steps along the boundary. Images with a change that is small enough are dropped once a quarter is.</summary>
    private void Walk(NearestSoFar found, int[] places, double enough)
    {
        Device device = found.Model.Device;
        ImageBatch batch = found.Batch.Select(places);
        Tensor x = ImageBatch.SelectImages(found.Nearest, places), normals = Tensor.EmptyLike(x);
        int decayInterval = Math.Max(1, steps / Decays);
        double radius = FirstRadius * found.Image;
        for (int step = 1; step <= steps; step++)
        {
            int[] left = [.. places.Index().Where(p => found.Sizes[p.Item] > enough).Select(p => p.Index)];
            if (left.Length == 0)
                return;
            if (left.Length <= places.Length * 3 / 4)
                (places, batch, x, normals) = ([.. left.Select(i => places[i])], batch.Select(left), ImageBatch.SelectImages(x, left),
                    ImageBatch.SelectImages(normals, left));

            using IDisposable scope = device.Pool.BeginScope();
            Tensor point = x.Detach(requiresGrad: true), logits = found.Model.Forward(point, ForwardMode.Inference).Logits,
                margins = logits.Margin(MarginLoss.Difference, batch.Labels);
            found.Keep(x, places, logits.Predict().ToArray());
            Tensor gradients = Gradient.Of(margins.Sum(), point)[0];
            WorkCount.BackwardImages += places.Length;
            if (step == 1)
                ElementwiseKernels.Copy(gradients.Data, 0, normals.Data, 0, normals.Shape.Length);
            else
                ElementwiseKernels.Interpolate(normals.Data, gradients.Data, 1 - Momentum, normals.Data);
            if ((step + 1) % decayInterval == 0)
                radius /= 2;
            // From the wrong side a little beyond the boundary, from the right one not quite to it: the points stay adversarial.
            float[] shifts = [.. margins.ToArray().Select(margin => margin * (margin < 0 ? -Overshoot : Overshoot - 2))];
            BrendelBethgeKernels.Step(found.Image, batch.Images.Data, normals.Data, device.Upload<float>(shifts), radius, x.Data);
        }
        found.Keep(x, places);
    }
}
