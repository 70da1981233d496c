using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;
using Ascl.Testing;

namespace Ascl.Robustness.Tests.Training;

/// <summary>
/// Work that the device captured and launches again gives the bits of work launched kernel by kernel. On the simulated device a capture is
/// a list of kernels with their arguments: where anything else were needed, such as a copy from the host, a run of the list would come out
/// otherwise.
/// </summary>
[Collection(TestGpu.Collection)]
public sealed class GraphReplayTests : IDisposable
{
    private const double Epsilon = 8 / 255.0, StepSize = 2 / 255.0;

    private readonly CudaDevice repeating = TestGpu.Open(graphs: true), plain = TestGpu.Open(graphs: false);

    public void Dispose()
    {
        repeating.Dispose();
        plain.Dispose();
    }

    /// <summary>A network whose statistics each pass changes; attacked, changed, and attacked again.</summary>
    [Theory]
    [InlineData(ForwardMode.Train, AttackLoss.CrossEntropy)]
    [InlineData(ForwardMode.Inference, AttackLoss.KullbackLeibler)]
    [InlineData(ForwardMode.Inference, AttackLoss.SquaredError)]
    public void CapturedAttacksMatchLaunchedOnes(ForwardMode mode, AttackLoss loss)
    {
        PgdAttack attack = new(new(Epsilon, StepSize, 2, Mode: mode, Loss: loss));
        Assert.Equal(Twice(plain), Twice(repeating));
        Assert.Equal((0, 0), plain.GraphCount);
        // The first step is launched kernel by kernel, the second captured.
        // The other attack, on other weights in the same places, is the same work.
        Assert.Equal((1, 3), repeating.GraphCount);

        List<float> Twice(CudaDevice device)
        {
            Classifier model = Model(device);
            ImageBatch batch = Made.Batch(device, 1);
            (double flop, long forward, long backward) = (WorkCount.Flop, WorkCount.ForwardImages, WorkCount.BackwardImages);
            List<float> all = [.. Perturbed()];
            Tensor weight = model.Parameters.All.First(p => p.Trained).Tensor;
            weight.Data.CopyFrom([.. weight.ToArray().Select(w => 1.25f * w)]);
            all.AddRange(Perturbed());
            foreach (NamedTensor tensor in model.Parameters.All)
                all.AddRange(tensor.Tensor.ToArray());
            // What it cost is counted too, and what was derived from the weights is of the new ones.
            all.AddRange((float)(WorkCount.Flop - flop), WorkCount.ForwardImages - forward, WorkCount.BackwardImages - backward);
            return [.. all, .. model.Forward(batch.Images, ForwardMode.Inference).Logits.ToArray()];

            float[] Perturbed()
            {
                using IDisposable scope = device.Pool.BeginScope();
                return attack.Perturb(model, batch, Made.Key).ToArray();
            }
        }
    }

    [Fact]
    public void CapturedAutoPgdMatchesLaunchedOne()
    {
        AutoPgdAttack attack = new(new(Epsilon, Steps: 4, Targets: 1));
        Assert.Equal(Perturbed(plain), Perturbed(repeating));
        Assert.Equal(1, repeating.GraphCount.Captures);

        float[] Perturbed(CudaDevice device)
        {
            Classifier model = Model(device);
            return attack.Perturb(model, Made.RightBatch(model, 1, 2, 3), Made.Key).ToArray();
        }
    }

    /// <summary>
    /// Other images, another learning rate, weights and momenta that change: the second step is captured. A linear network is enough for
    /// ASCL's terms.
    /// </summary>
    [Fact]
    public void CapturedTrainingStepsMatchLaunchedOnes()
    {
        IObjective ascl = new AsclObjective
        {
            Base = new PgdAtObjective { NaturalWeight = 1 },
            Contrastive = new() { Distance = ContrastiveDistance.Cosine },
        };
        Assert.Equal(Steps(2, 1, Model(plain), new PgdAtObjective { NaturalPass = false }),
            Steps(2, 1, Model(repeating), new PgdAtObjective { NaturalPass = false }));
        Assert.Equal(Steps(3, 2, LinearNetwork.Classifier(plain), ascl), Steps(3, 2, LinearNetwork.Classifier(repeating), ascl));
        Assert.Equal((2, 3), repeating.GraphCount);

        static List<double> Steps(int steps, int images, Classifier model, IObjective objective)
        {
            Device device = model.Device;
            SgdOptimizer optimizer = new(Optimizers.Targets(model), new() { ClipNorm = 1 });
            TrainingStep step = new(model, objective, optimizer);
            ImageBatch batch = Batch(0);
            Tensor adversarial = Batch(1).Images;
            List<double> all = [];
            for (int i = 0; i < steps; i++)
            {
                ImageBatch other = Batch(10 + i);
                batch.Images.Data.CopyFrom(other.Images.ToArray());
                batch.Labels.CopyFrom(other.Labels.ToArray());
                adversarial.Data.CopyFrom(Batch(30 + i).Images.ToArray());
                StepResult result = step.Run(batch, adversarial, 0.1 / (i + 1));
                all.AddRange([.. result.Terms.Values, result.Loss, result.NaturalCorrect ?? -1, result.AdversarialCorrect ?? -1]);
            }
            foreach (NamedTensor tensor in model.Parameters.All)
                all.AddRange(tensor.Tensor.ToArray().Select(v => (double)v));
            return all;

            ImageBatch Batch(int first) => Made.Batch(device, Enumerable.Range(first, images));
        }
    }

    /// <summary>FGSM-MEP's images are made on the host anew in each step, and the captured step reads them; the CPU computes the same to
    /// within rounding.</summary>
    [Fact]
    public void CapturedStepsFromRememberedPerturbationsMatchLaunchedOnes()
    {
        using CpuDevice cpu = new(1);
        List<double> launched = Steps(plain), onCpu = Steps(cpu);
        Assert.Equal(launched, Steps(repeating));
        Assert.True(repeating.GraphCount.Captures > 0);
        Assert.All(launched.Zip(onCpu), pair => Assert.Equal(pair.Second, pair.First, 1e-4));

        static List<double> Steps(Device device)
        {
            FgsmMepObjective objective = new();
            Classifier model = LinearNetwork.Classifier(device);
            ImageBatch batch = Made.Batch(device, 3, 4);
            Data.ImageSet set = new("five", [.. "abcde".Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size,
                Made.Batch(device, Enumerable.Range(0, 5)).Labels.ToArray(), Made.Batch(device, Enumerable.Range(0, 5)).Images.ToArray());
            PerturbationMemory memory = new(set, objective.Memory);
            TrainingStep step = new(model, objective, new SgdOptimizer(Optimizers.Targets(model)));
            List<double> all = [];
            for (uint epoch = 0; epoch < 3; epoch++)
            {
                using IDisposable scope = device.Pool.BeginScope();
                var (start, adversarial) = memory.Craft(model, batch, new(Epsilon, Epsilon, 1), Made.Key.At(epoch));
                StepResult result = step.Run(batch, adversarial, 0.1, start: start);
                all.AddRange([.. result.Terms.Values, .. start.ToArray().Concat(adversarial.ToArray()).Select(v => (double)v)]);
            }
            all.AddRange(model.Parameters.All.SelectMany(tensor => tensor.Tensor.ToArray()).Select(v => (double)v));
            return all;
        }
    }

    private static Classifier Model(Device device) =>
        new(device, new("resnet: 1 block a stage, widths 4", Made.Channels, Made.Classes, [], []), seed: 4);
}
