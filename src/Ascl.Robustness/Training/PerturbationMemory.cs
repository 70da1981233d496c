using System.Globalization;
using System.Runtime.InteropServices;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Softmax;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>
/// A perturbation δ and a momentum m of each training image, on the host, and the single steps of FGSM-MEP from them (Jia et al. 2022).
/// Both belong to the image as it is seen, whatever crop or mirror image of the original that is, as in the authors' code. Every process
/// has all of them.
/// </summary>
public sealed class PerturbationMemory
{
    /// <summary>Why there are no extra images.</summary>
    internal const string NoExtra = "remembers a perturbation of each image from epoch to epoch, which extra images do not come in: "
        + "without extra-data";

    private const string DeltaName = "memory.delta", MomentumName = "memory.momentum";
    private readonly MemorySettings settings;
    private readonly Dictionary<int, int> rows;
    private readonly int[] shape;
    private readonly int image;

    /// <summary>[N, C, H, W], row i of the i-th image of the set.</summary>
    private float[] deltas, momenta;

    /// <param name="images">The training images.</param>
    /// <param name="settings">Decay and reset.</param>
    /// <exception cref="UserErrorException">There are too many for the machine's memory.</exception>
    public PerturbationMemory(ImageSet images, MemorySettings settings)
    {
        CheckFits(images);
        this.settings = settings;
        shape = [images.Count, images.Channels, images.Height, images.Width];
        image = images.ImageLength;
        rows = images.Ids.ToArray().Index().ToDictionary(one => one.Item, one => one.Index);
        (deltas, momenta) = (new float[images.Count * image], new float[images.Count * image]);
    }

    /// <summary>Bytes of memory that the perturbations and momenta of images take, and of each saved state.</summary>
    public static long BytesOf(ImageSet images) => 2L * sizeof(float) * images.Count * images.ImageLength;

    /// <summary>A line about those bytes.</summary>
    internal static string Note(ImageSet images) => string.Create(CultureInfo.InvariantCulture,
        $"remembers a perturbation and a momentum of {images.Count} training images: {BytesOf(images) / 1e6:0.#} MB of memory and of each "
            + $"saved state (save-every)");

    /// <exception cref="UserErrorException">The images are too many for the machine's memory.</exception>
    internal static void CheckFits(ImageSet images)
    {
        long available = Math.Min(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, 2L * sizeof(float) * Array.MaxLength);
        if (BytesOf(images) > available)
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture,
                $"{images.Name}: a perturbation and a momentum of {images.Count} images take {BytesOf(images) / 1e9:0.#} GB, of "
                    + $"{available / 1e9:0.#} GB that there are: train on fewer (limit-train)"));
    }

    /// <summary>What cannot be together with a memory.</summary>
    internal static IEnumerable<SettingProblem> Problems(PerturbationNorm norm, int steps, TrainingSettings training)
    {
        const string Method = "fgsm-mep";
        if (norm != PerturbationNorm.Linf)
            yield return new("norm", NameText.Of(norm), $"{Method} steps by the signs of gradients, which is linf");
        if (steps != 1)
            yield return new("attack-steps", steps, $"{Method} goes on from remembered perturbations by single steps (attack-steps 1)");
        if (training.Views > 1)
            yield return new("views", training.Views, $"{Method} remembers one perturbation of each image (views 1)");
        if (training.OnOverfitting == OverfittingResponse.Pgd)
            yield return new("on-overfitting", "pgd", $"{Method} learns from where its step began, not from where PGD does (warn or stop)");
    }

    /// <summary>
    /// Crafts by one step from the remembered perturbations and updates these. With the gradient g of the cross-entropy with the target at
    /// x + δ: x^a = x + clip_ε(δ + α·sign g); m ← μ·m + g/‖g‖₁; δ ← clip_ε(δ + α·sign m). The norm is that of each image, as in the paper
    /// (the authors' code has one of the batch), so that no image depends on the others. Images are clipped to [0, 1], δ is not. A gradient
    /// that is zero or not finite has no direction. In the first epoch and after each reset δ is ±α, at random, and m is 0.
    /// </summary>
    /// <param name="model">The trained classifier.</param>
    /// <param name="batch">Images of the set, each once.</param>
    /// <param name="attack">ε, α and how the network is run.</param>
    /// <param name="key">Of the seed and, as its step, the epoch.</param>
    /// <returns>The images x + δ where the step began, and x^a.</returns>
    public (Tensor Start, Tensor Adversarial) Craft(Classifier model, ImageBatch batch, PgdSettings attack, RandomKey key)
    {
        Tensor start = Tensor.EmptyLike(batch.Images), adversarial = Tensor.EmptyLike(batch.Images);
        float epsilon = (float)attack.Epsilon, step = (float)attack.StepSize;
        int[] ids = batch.Ids.ToArray();
        float[] x = batch.Images.ToArray(), moved = new float[x.Length];
        foreach (var (i, id) in ids.Index())
        {
            if (key.Step % settings.ResetEvery == 0)
                Reset(rows[id], key.For(id), Math.Min(step, epsilon));
            foreach (var (k, delta) in DeltaOf(id).ToArray().Index())
                moved[i * image + k] = Math.Clamp(x[i * image + k] + delta, 0, 1);
        }
        start.Data.CopyFrom(moved);
        float[] gradient = Ascent(model, start, batch, attack.Mode);
        foreach (var (i, id) in ids.Index())
        {
            Span<float> delta = DeltaOf(id), momentum = momenta.AsSpan(rows[id] * image, image);
            ReadOnlySpan<float> g = gradient.AsSpan(i * image, image);
            double length = 0;
            foreach (float value in g)
                length += Math.Abs(value);
            bool hasDirection = length > 0 && double.IsFinite(length);
            for (int k = 0; k < image; k++)
            {
                momentum[k] = (float)(settings.Decay * momentum[k] + (hasDirection ? g[k] / length : 0));
                moved[i * image + k] = Math.Clamp(x[i * image + k] + Stepped(delta[k], hasDirection ? g[k] : 0), 0, 1);
                delta[k] = Stepped(delta[k], momentum[k]);
            }
        }
        adversarial.Data.CopyFrom(moved);
        return (start, adversarial);

        float Stepped(float delta, float direction) => Math.Clamp(delta + step * Math.Sign(direction), -epsilon, epsilon);
    }

    /// <summary>Gives every process what the others have changed. Collective.</summary>
    /// <param name="ids">Of the images that this process has crafted from.</param>
    internal void Exchange(Communicator communicator, IEnumerable<int> ids)
    {
        if (communicator.Size == 1)
            return;
        int[] own = [.. ids.Select(id => rows[id])];
        byte[][] changed = communicator.Gather(MemoryMarshal.AsBytes(own.AsSpan()));
        foreach (float[] values in new[] { deltas, momenta })
        {
            float[] sent = [.. own.SelectMany(row => values[(row * image)..((row + 1) * image)])];
            byte[][] received = communicator.Gather(MemoryMarshal.AsBytes(sent.AsSpan()));
            foreach (var (rank, bytes) in received.Index())
                foreach (var (i, row) in MemoryMarshal.Cast<byte, int>(changed[rank]).ToArray().Index())
                    MemoryMarshal.Cast<byte, float>(bytes).Slice(i * image, image).CopyTo(values.AsSpan(row * image));
        }
    }

    /// <summary>Adds both to a state that is being saved.</summary>
    public void Save(SafetensorsWriter state)
    {
        state.Add(DeltaName, shape, deltas);
        state.Add(MomentumName, shape, momenta);
    }

    /// <summary>Restores what <see cref="Save"/> wrote.</summary>
    /// <exception cref="UserErrorException">It is of another number of images.</exception>
    public void Load(SafetensorsFile state)
    {
        (deltas, momenta) = (Read(DeltaName), Read(MomentumName));

        float[] Read(string name)
        {
            float[] values = state.ReadFloats(name);
            return values.Length == shape[0] * image
                ? values
                : throw new UserErrorException($"{state.Path}: '{name}' has {values.Length} values, not {shape[0] * image}");
        }
    }

    private Span<float> DeltaOf(int id) => deltas.AsSpan(rows[id] * image, image);

    private void Reset(int row, RandomKey key, float size)
    {
        Span<float> delta = deltas.AsSpan(row * image, image);
        Philox.FillUniform(delta, key, -1, 1);
        foreach (ref float value in delta)
            value = size * Math.Sign(value);
        momenta.AsSpan(row * image, image).Clear();
    }

    private float[] Ascent(Classifier model, Tensor start, ImageBatch batch, ForwardMode mode)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        Tensor x = Tensor.Over(start.Data, start.Shape, requiresGrad: true);
        Tensor losses = model.Forward(x, mode).Logits.CrossEntropy(batch.Labels, settings.Smoothing(model.Spec.Classes), Reduction.None);
        WorkCount.BackwardImages += batch.Count;
        return Gradient.Of(losses.Sum(), x)[0].ToArray();
    }
}
