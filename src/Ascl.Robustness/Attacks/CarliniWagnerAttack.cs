using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Settings of <see cref="CarliniWagnerAttack"/>; all but the number of steps are those of the authors' code and
/// Foolbox.</summary>
/// <param name="Epsilon">Radius of the L2 ball, for pixels in [0, 1].</param>
/// <param name="Steps">Most steps of each descent: 1,000 as in CleverHans; the authors' code and Foolbox take up to 10,000. With 100
/// steps of 0.01 no pixel that is 0 or 1 can move, because w is 7 there.</param>
/// <param name="Searches">Descents, each with another weight c of each image.</param>
/// <param name="LearningRate">Learning rate of Adam.</param>
/// <param name="FirstWeight">The first c; times 10 until a descent finds an adversarial image, then by bisection.</param>
/// <param name="Confidence">κ: by how much another logit is to exceed that of the label for an image to count as adversarial.</param>
public sealed record CarliniWagnerSettings(double Epsilon, int Steps = 1000, int Searches = 9, double LearningRate = 0.01,
    double FirstWeight = 1e-3, double Confidence = 0)
{
    /// <summary>Radius of the ball, in units of [0, 1] pixels; not negative.</summary>
    public double Epsilon { get; init => field = AttackChecks.NotNegative("epsilon", value); }
        = AttackChecks.NotNegative("epsilon", Epsilon);
    /// <summary>Most steps of each descent; at least 1.</summary>
    public int Steps { get; init => field = AttackChecks.AtLeast("steps", value, 1); } = AttackChecks.AtLeast("steps", Steps, 1);
    /// <summary>Descents; at least 1.</summary>
    public int Searches { get; init => field = AttackChecks.AtLeast("searches", value, 1); }
        = AttackChecks.AtLeast("searches", Searches, 1);
    /// <summary>Learning rate of Adam; not negative.</summary>
    public double LearningRate { get; init => field = AttackChecks.NotNegative("learning rate", value); }
        = AttackChecks.NotNegative("learning rate", LearningRate);
    /// <summary>The first c; not negative.</summary>
    public double FirstWeight { get; init => field = AttackChecks.NotNegative("first weight", value); }
        = AttackChecks.NotNegative("first weight", FirstWeight);
    /// <summary>κ; not negative.</summary>
    public double Confidence { get; init => field = AttackChecks.NotNegative("confidence", value); }
        = AttackChecks.NotNegative("confidence", Confidence);
}

/// <summary>
/// The L2 attack of Carlini and Wagner (2017, "Towards evaluating the robustness of neural networks"): x = (tanh w + 1)/2, and Adam lowers
/// ‖x − original‖² + c·max(o_y − max_{i≠y} o_i, −κ) over w; c is searched for each image. As in the authors' code a descent ends where a
/// tenth of its steps did not lower the objective by 1 in 10,000, here for each image by itself instead of for the batch. The nearest
/// adversarial point of all descents counts. The attack succeeds if its perturbation is within ε.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class CarliniWagnerAttack(CarliniWagnerSettings settings) : IAttack
{
    private const double FasterSearch = 10, LeastProgress = 0.9999;
    private const int Checks = 10;

    /// <summary>The settings of the attack.</summary>
    public CarliniWagnerSettings Settings { get; } = settings;
    /// <inheritdoc/>
    public string Name => "Carlini & Wagner";
    /// <inheritdoc/>
    public PerturbationNorm Norm => PerturbationNorm.L2;
    /// <inheritdoc/>
    public double Epsilon => Settings.Epsilon;
    /// <inheritdoc/>
    public int Steps => Settings.Steps;
    /// <inheritdoc/>
    public bool TakesTargets => true;

    /// <summary>The nearest adversarial image found if it is within ε, otherwise the original.</summary>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        var (nearest, sizes) = Nearest(model, batch, Settings.Epsilon);
        return NearestAttack.Within(Settings.Epsilon, batch, nearest, sizes);
    }

    /// <summary>The nearest adversarial image found for each image, and the size of its perturbation: infinite if none was found, 0 if the
    /// original is adversarial.</summary>
    /// <param name="stopAtSize">An image is no longer attacked once a perturbation no larger than this is found.</param>
    public (Tensor Images, float[] Sizes) Nearest(Classifier model, ImageBatch batch, double stopAtSize = 0)
    {
        NearestSoFar found = new(model, batch, PerturbationNorm.L2);
        found.KeepNearer(batch.Images, [.. Enumerable.Range(0, batch.Count)]);
        WeightSearch[] searches = [.. found.Sizes.Select(_ => new WeightSearch(Settings.FirstWeight))];
        for (int search = 0; search < Settings.Searches; search++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            int[] left = found.Indices(size => !(size <= stopAtSize));
            if (left.Length == 0)
                break;
            Descend(found, left, searches, stopAtSize);
            foreach (int index in left)
                searches[index].Next();
        }
        return (found.Images, found.Sizes);
    }

    /// <summary>The search for the smallest weight c with which a descent finds an adversarial image.</summary>
    private sealed class WeightSearch(double first)
    {
        private double low, high = double.PositiveInfinity;

        public double Weight { get; private set; } = first;

        /// <summary>Whether the descent with this weight has found one.</summary>
        public bool HasFound { get; set; }

        public void Next()
        {
            (low, high) = HasFound ? (low, Math.Min(high, Weight)) : (Math.Max(low, Weight), high);
            Weight = double.IsFinite(high) ? (low + high) / 2 : Weight * FasterSearch;
            HasFound = false;
        }
    }

    /// <summary>One descent of some images. Finished images are removed from the batch once they are at least a quarter of it.</summary>
    private void Descend(NearestSoFar found, int[] indices, WeightSearch[] searches, double stopAtSize)
    {
        Classifier model = found.Model;
        ImageBatch batch = found.Batch.Select(indices);
        Tensor x = Tensor.EmptyLike(batch.Images), w = Tensor.EmptyLike(x), mean = Tensor.EmptyLike(x), square = Tensor.EmptyLike(x);
        Tensor gradients = Tensor.EmptyLike(x);
        CarliniWagnerKernels.Start(batch.Images.Data, w.Data, x.Data);
        ElementwiseKernels.Fill(null, 0, mean.Data);
        ElementwiseKernels.Fill(null, 0, square.Data);
        double[] before = [.. indices.Select(_ => double.PositiveInfinity)];
        bool[] isDone = new bool[indices.Length];
        int interval = Math.Max(Settings.Steps / Checks, 1);
        for (int step = 1; step <= Settings.Steps && isDone.Contains(false); step++)
        {
            int[] left = [.. Enumerable.Range(0, indices.Length).Where(i => !isDone[i])];
            if (left.Length <= indices.Length * 3 / 4)
            {
                (indices, before, isDone) = ([.. left.Select(i => indices[i])], [.. left.Select(i => before[i])], new bool[left.Length]);
                (batch, x, w) = (batch.Select(left), ImageBatch.SelectImages(x, left), ImageBatch.SelectImages(w, left));
                (mean, square) = (ImageBatch.SelectImages(mean, left), ImageBatch.SelectImages(square, left));
                gradients = Tensor.EmptyLike(x);
            }
            using IDisposable scope = model.Device.Pool.BeginScope();
            LogitLoss margin = batch.Targets is { } classes
                ? new TargetedLoss(AttackLoss.Margin, batch.Labels, classes)
                : new NamedLoss(AttackLoss.Margin, batch.Labels, null);
            var (losses, predictions) = model.Device.RunCaptured(new GradientPass(model, margin, x.Shape, x.Data, gradients.Data));
            float[] margins = losses.ToArray(), weights = new float[indices.Length];
            bool[] count = [.. batch.AreTurned(predictions.ToArray())
                .Select((isTurned, i) => isTurned && margins[i] >= Settings.Confidence && !isDone[i])];
            float[] sizes = found.KeepNearer(x, indices, count);
            for (int i = 0; i < indices.Length; i++)
            {
                WeightSearch search = searches[indices[i]];
                search.HasFound |= count[i];
                double missing = Math.Max(Settings.Confidence - margins[i], 0);
                double objective = (double)sizes[i] * sizes[i] + search.Weight * missing;
                isDone[i] |= found.Sizes[indices[i]] <= stopAtSize;
                if (step % interval == 0)
                    (isDone[i], before[i]) = (isDone[i] || !(objective <= LeastProgress * before[i]), objective);
                weights[i] = missing > 0 ? (float)search.Weight : 0;
            }
            CarliniWagnerKernels.Step(x.Shape.Length / indices.Length, batch.Images.Data, gradients.Data,
                model.Device.Upload<float>(weights), step, Settings.LearningRate, w.Data, mean.Data, square.Data, x.Data);
        }
    }
}
