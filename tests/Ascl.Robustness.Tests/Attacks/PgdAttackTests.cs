using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests.Attacks;

public sealed class PgdAttackTests
{
    private const double Epsilon = 8 / 255.0, Step = 2 / 255.0;
    private static readonly int[] Sixteen = [.. Enumerable.Range(0, 16)];

    [Theory]
    [InlineData(PerturbationNorm.Linf, ForwardMode.Inference)]
    [InlineData(PerturbationNorm.Linf, ForwardMode.Train)]
    [InlineData(PerturbationNorm.L2, ForwardMode.Inference)]
    public void RaisesTheLossAboveItsRandomStart(PerturbationNorm norm, ForwardMode mode)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        PgdSettings settings =
            new(norm == PerturbationNorm.L2 ? 0.5 : Epsilon, norm == PerturbationNorm.L2 ? 0.1 : Step, 0, norm, Mode: mode);
        float[] none = CrossEntropy(model, batch, new PgdAttack(settings).Perturb(model, batch, Made.Key), mode);
        float[] ten = CrossEntropy(model, batch, new PgdAttack(settings with { Steps = 10 }).Perturb(model, batch, Made.Key), mode);
        Assert.True(ten.Average() > none.Average() + 0.02, $"{none.Average()} at the start, {ten.Average()} after 10 steps");
        if (mode == ForwardMode.Inference)
            Assert.All(ten.Zip(none), pair => Assert.True(pair.First > pair.Second));
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, AttackLoss.CrossEntropy, AttackStart.Uniform)]
    [InlineData(PerturbationNorm.L2, AttackLoss.CrossEntropy, AttackStart.Uniform)]
    [InlineData(PerturbationNorm.Linf, AttackLoss.KullbackLeibler, AttackStart.Normal)]
    [InlineData(PerturbationNorm.L2, AttackLoss.SquaredError, AttackStart.Normal)]
    public void StaysInTheBallAndInTheImageRange(PerturbationNorm norm, AttackLoss loss, AttackStart start)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        foreach (double epsilon in new[] { 0, 1e-3, Epsilon, 0.7 })
        {
            PgdAttack attack = new(new(epsilon, epsilon / 3, 5, norm, start, loss));
            float[] x = batch.Images.ToArray(), adversarial = attack.Perturb(model, batch, Made.Key).ToArray();
            Assert.All(adversarial, v => Assert.InRange(v, 0, 1));
            foreach (double[] delta in x.Zip(adversarial, (a, b) => (double)b - a).Chunk(Made.Image))
                Assert.True((norm == PerturbationNorm.Linf ? delta.Max(Math.Abs) : Math.Sqrt(delta.Sum(d => d * d))) <= epsilon + 1e-6);
            Assert.Equal(epsilon == 0, x.SequenceEqual(adversarial));
        }
    }

    /// <summary>The same bits for an image alone, in another order, on any number of threads.</summary>
    [Theory]
    [InlineData(AttackLoss.CrossEntropy, PerturbationNorm.Linf)]
    [InlineData(AttackLoss.KullbackLeibler, PerturbationNorm.Linf)]
    [InlineData(AttackLoss.SquaredError, PerturbationNorm.Linf)]
    [InlineData(AttackLoss.CrossEntropy, PerturbationNorm.L2)]
    public void AnImagesResultDoesNotDependOnItsBatch(AttackLoss loss, PerturbationNorm norm)
    {
        PgdAttack attack =
            new(new(norm == PerturbationNorm.L2 ? 0.5 : Epsilon, norm == PerturbationNorm.L2 ? 0.1 : Step, 4, norm, Loss: loss));
        float[]? all = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            Classifier model = Made.Model(device);
            float[] together = Attacked(Sixteen);
            Assert.Equal(all ??= together, together);
            Assert.Equal(all.Chunk(Made.Image).Reverse().SelectMany(i => i), Attacked([.. Sixteen.Reverse()]));
            foreach (int n in new[] { 0, 7, 15 })
                Assert.Equal(all[(n * Made.Image)..((n + 1) * Made.Image)], Attacked([n]));
            Assert.NotEqual(all, new PgdAttack(attack.Settings).Perturb(model, Made.Batch(device, Sixteen), Made.Key.At(1)).ToArray());

            float[] Attacked(int[] images) => attack.Perturb(model, Made.Batch(device, images), Made.Key).ToArray();
        }
    }

    [Fact]
    public void FewerStepsAreAPrefixOfMore()
    {
        using CpuDevice device = new(1);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        Tensor two = new PgdAttack(new(Epsilon, Step, 2)).Perturb(model, batch, Made.Key);
        new PgdAttack(new(Epsilon, Step, 3)).Ascend(model, batch, two);
        Assert.Equal(new PgdAttack(new(Epsilon, Step, 5)).Perturb(model, batch, Made.Key).ToArray(), two.ToArray());
    }

    /// <summary>
    /// Each image is where the attack of so many steps is that first misclassifies it, and where all of them end if none does.
    /// </summary>
    [Fact]
    public void EarlyStoppedImagesStayWhereTheyWereFirstMisclassified()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        // Labels that the network gives itself, so that all images but the last begin right.
        int[] labels = model.Forward(batch.Images, ForwardMode.Inference).Logits.Predict().ToArray();
        labels[^1] = (labels[^1] + 1) % Made.Classes;
        batch = batch with { Labels = device.Upload<int>(labels) };
        const int most = 6;
        PgdSettings settings = new(0.1, 0.02, most, Start: AttackStart.None);
        float[] stopped = new PgdAttack(settings with { EarlyStop = true }).Perturb(model, batch, Made.Key).ToArray();
        float[][] after = new float[most + 1][];
        int[] stoppedAt = [.. labels.Select(_ => most)];
        for (int steps = most; steps >= 0; steps--)
        {
            Tensor x = new PgdAttack(settings with { Steps = steps }).Perturb(model, batch, Made.Key);
            after[steps] = x.ToArray();
            int[] predictions = model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray();
            for (int i = 0; i < labels.Length; i++)
                stoppedAt[i] = predictions[i] != labels[i] ? steps : stoppedAt[i];
        }
        Assert.Equal(0, stoppedAt[^1]);
        Assert.True(stoppedAt.Distinct().Count() >= 3, string.Join(' ', stoppedAt));
        for (int i = 0; i < labels.Length; i++)
            Assert.Equal(after[stoppedAt[i]][(i * Made.Image)..((i + 1) * Made.Image)], stopped[(i * Made.Image)..((i + 1) * Made.Image)]);
    }

    [Fact]
    public void FgsmIsOneStepOfLengthEpsilonAlongTheSign()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        float[] fgsm = PgdAttack.Fgsm(Epsilon).Perturb(model, batch, Made.Key).ToArray();
        Assert.Equal(new PgdAttack(new(Epsilon, Epsilon, 1, Start: AttackStart.None)).Perturb(model, batch, Made.Key).ToArray(), fgsm);
        Assert.Equal("FGSM", PgdAttack.Fgsm(Epsilon).Name);
        Assert.Equal("PGD-10", new PgdAttack(new(Epsilon, Step, 10)).Name);

        Tensor x = batch.Images.Detach(requiresGrad: true);
        float[] pixels = x.ToArray();
        float[] gradient = Gradient.Of(model.Forward(x, ForwardMode.Inference).Logits.CrossEntropy(batch.Labels), x)[0].ToArray();
        for (int i = 0; i < pixels.Length; i++)
            Assert.Equal(Math.Clamp(pixels[i] + Epsilon * Math.Sign(gradient[i]), 0, 1), fgsm[i], 1e-6);
    }

    [Theory]
    [InlineData(AttackLoss.KullbackLeibler)]
    [InlineData(AttackLoss.SquaredError)]
    public void AttacksOnPredictionsLeadAwayFromTheCleanOnes(AttackLoss loss)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        PgdAttack attack = new(new(Epsilon, Step, 10, Start: AttackStart.Normal, Loss: loss));
        Tensor start = new PgdAttack(attack.Settings with { Steps = 0 }).Perturb(model, batch, Made.Key);
        Tensor end = attack.Perturb(model, batch, Made.Key);
        Tensor Logits(Tensor x) => model.Forward(x, ForwardMode.Inference).Logits;
        float[] Divergence(Tensor x) => loss.PerImage(Logits(x), batch.Labels, Logits(batch.Images)).ToArray();
        Assert.All(Divergence(end).Zip(Divergence(start)),
            pair => Assert.True(pair.First > 2 * pair.Second, $"{pair.Second} at the start, {pair.First} after"));
        // The labels play no part.
        ImageBatch relabelled = batch with { Labels = device.Upload<int>(new int[16]) };
        Assert.Equal(end.ToArray(), attack.Perturb(model, relabelled, Made.Key).ToArray());
        Assert.NotEqual(end.ToArray(),
            new PgdAttack(attack.Settings with { Loss = AttackLoss.CrossEntropy }).Perturb(model, batch, Made.Key).ToArray());
    }

    [Theory]
    [InlineData(ForwardMode.Train, AttackLoss.CrossEntropy)]
    [InlineData(ForwardMode.Train, AttackLoss.KullbackLeibler)]
    [InlineData(ForwardMode.Inference, AttackLoss.CrossEntropy)]
    [InlineData(ForwardMode.Inference, AttackLoss.KullbackLeibler)]
    public void OnlyCraftingInTrainingModeUpdatesTheRunningStatistics(ForwardMode mode, AttackLoss loss)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        float[] weights = Values(trained: true), statistics = Values(trained: false);
        ImageBatch batch = Made.Batch(device, Sixteen);
        float[] images = batch.Images.ToArray();
        new PgdAttack(new(Epsilon, Step, 2, Mode: mode, Loss: loss)).Perturb(model, batch, Made.Key);
        Assert.Equal(mode == ForwardMode.Inference, statistics.SequenceEqual(Values(trained: false)));
        Assert.Equal(weights, Values(trained: true));
        Assert.Equal(images, batch.Images.ToArray());

        float[] Values(bool trained) => [.. model.Parameters.All.Where(t => t.Trained == trained).SelectMany(t => t.Tensor.ToArray())];
    }

    /// <summary>
    /// A weight's gradient lies in a pooled buffer of its length: after the attack there is none of the length of the third convolution's.
    /// </summary>
    [Fact]
    public void NoWeightGradientIsComputed()
    {
        const int ThirdConvolution = 64 * 32 * 9;
        using CpuDevice device = new(2);
        Classifier model = new(device, new("smallcnn", 1, 10, [], []));
        ImageBatch batch = new(Tensor.FromArray(device, new(2, 1, 28, 28), Made.Uniform(2 * 784, 1, 0, 1)), device.Upload<int>([1, 2]),
            device.Upload<int>([0, 1]));
        foreach (ForwardMode mode in new[] { ForwardMode.Inference, ForwardMode.Train })
        {
            new PgdAttack(new(Epsilon, Step, 2, Mode: mode)).Perturb(model, batch, Made.Key);
            Assert.False(PoolHolds(ThirdConvolution), $"{mode}: a weight gradient was computed");
        }
        using (device.Pool.BeginScope())
            Gradient.Of(model.Forward(batch.Images, ForwardMode.Train).Logits.CrossEntropy(batch.Labels), [.. model.Parameters.Trained]);
        Assert.True(PoolHolds(ThirdConvolution));

        bool PoolHolds(int length)
        {
            long before = device.Pool.AllocatedBytes;
            IDisposable scope = device.Pool.BeginScope();
            DeviceBuffer<float> buffer = device.Pool.Rent(length, 0);
            bool reused = device.Pool.AllocatedBytes == before;
            if (reused)
                scope.Dispose();
            return reused;
        }
    }

    [Fact]
    public void ARepeatedAttackAllocatesNothing()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        long warm = 0;
        for (int pass = 0; pass < 3; pass++)
        {
            using (device.Pool.BeginScope())
                new PgdAttack(new(Epsilon, Step, 3, Loss: AttackLoss.KullbackLeibler, Mode: ForwardMode.Train))
                    .Perturb(model, batch, Made.Key);
            warm = pass == 0 ? device.Pool.AllocatedBytes : warm;
        }
        Assert.Equal(warm, device.Pool.AllocatedBytes);
    }

    private static float[] CrossEntropy(Classifier model, ImageBatch batch, Tensor images, ForwardMode mode) =>
        model.Forward(images, mode).Logits.CrossEntropy(batch.Labels, 0, Reduction.None).ToArray();
}
