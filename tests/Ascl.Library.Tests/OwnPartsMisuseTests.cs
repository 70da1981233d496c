using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>Networks, objectives and attacks of one's own that are wrong are refused by name, not trained or evaluated silently.</summary>
public sealed class OwnPartsMisuseTests : IDisposable
{
    private static readonly DataSet Data = OwnData.Make();
    private readonly CpuDevice device = new(2);
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-misuse-").FullName;

    [Fact]
    public void SettingsOfAnAttackAreCheckedAndDescribed()
    {
        Assert.Equal("TunedAttack.Mu is -1: must not be negative",
            Assert.Throws<UserErrorException>(() => Trainer(new TunedAttack { Mu = -1 })).Message);
        Assert.Throws<UserErrorException>(() => Evaluate(new TunedAttack { Mu = -1 }));
        Trainer first = Trainer(new TunedAttack { Mu = 0 }, new Checkpoints(folder));
        Assert.Equal("tuned, linf 0.1", first.Description["attack"]!.GetValue<string>());
        first.Fit(Data);
        Assert.Contains("attack.mu 0, not with 1", Assert.Throws<UserErrorException>(
            () => Trainer(new TunedAttack { Mu = 1 }, new Checkpoints(folder)).Fit(Data)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(48, "attack tuned returned images [24, 1, 8, 7]; [24, 1, 8, 8] are needed")]
    [InlineData(10, "attack tuned returned images [10, 1, 8, 7]; [10, 1, 8, 8] are needed")]
    public void AnAttackOfAnotherShapeIsRefused(int batch, string message)
    {
        TunedAttack attack = new() { Change = (model, x) => Tensor.Empty(model.Device, new(x.Shape[0], 1, 8, 7)) };
        ShapeException e = Assert.Throws<ShapeException>(() => Trainer(attack, batch: batch).Fit(Data));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        Assert.StartsWith("attack tuned returned no images",
            Assert.Throws<ShapeException>(() => Evaluate(new TunedAttack { Change = (_, _) => null! })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAttackThatReturnsMemoryOfItsOwnScopeIsRefused()
    {
        TunedAttack attack = new()
        {
            Change = (model, x) =>
            {
                using IDisposable scope = model.Device.Pool.BeginScope();
                return x.Scale(1);
            },
        };
        Assert.Contains("attack tuned returned images of a buffer scope",
            Assert.Throws<InvalidOperationException>(() => Evaluate(attack)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(0.3f)]
    public void ImagesOutsideTheBallAreACaveat(float shift)
    {
        TunedAttack attack = new()
        {
            Change = (model, x) => Tensor.FromArray(model.Device, x.Shape, [.. x.ToArray().Select(v => v > 0.5f ? v - shift : v + shift)]),
        };
        EvaluationReport report = Evaluate(attack);
        AttackReport one = Assert.Single(report.Attacks);
        Assert.True(one.Attacked > 0);
        Assert.Equal((one.Attacked, 0), (one.Rejected, one.Misclassified));
        Assert.Contains(report.Caveats!, caveat => caveat.StartsWith(
            $"tuned returned {one.Attacked} of {one.Attacked} images outside the ball: ", StringComparison.Ordinal));
        Assert.DoesNotContain(Evaluate(new TunedAttack()).Caveats!, caveat => caveat.Contains("ball", StringComparison.Ordinal));
    }

    [Fact]
    public void OutputsOfAnotherShapeAreRefused()
    {
        Tensor images = Tensor.FromArray(device, new(5, 1, 8, 8), new float[5 * 64]);
        Assert.Equal("odd returned logits [5, 3]; [5, 2] are needed", Error(logits: 3));
        Assert.Equal("odd returned latents [5, 64]; [5, 7] are needed", Error(latentSize: 7));
        Assert.Equal("odd returned no logits; [5, 2] are needed", Error(logits: 0));

        string Error(int logits = 2, int latentSize = 64)
        {
            Classifier model = Classifiers.For(device, Data, "odd", (p, _) => new OddNetwork(p, logits) { LatentSize = latentSize });
            return Assert.Throws<ShapeException>(() => model.Forward(images, ForwardMode.Inference)).Message;
        }
    }

    [Fact]
    public void AHeadThatNoTensorBelongsToIsRefused()
    {
        foreach (string prefix in new[] { "classifier.", "" })
        {
            Classifier model = Classifiers.For(device, Data, "odd", (p, _) => new OddNetwork(p, 2) { HeadPrefix = prefix });
            Assert.StartsWith($"odd: its HeadPrefix '{prefix}' is ",
                Assert.Throws<UserErrorException>(() => new Trainer(model, new LinearObjective())).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TwoTensorsOfOneNameAreRefused() =>
        Assert.Equal("two tensors of the network are named fc.weight: each layer needs a name of its own",
            Assert.Throws<ArgumentException>(() => Classifiers.For(device, Data, "odd", (p, s) =>
            {
                LinearLayer first = new(p, "fc", 64, s.Classes);
                return new OddNetwork(p, first.Inputs);
            })).Message);

    [Fact]
    public void TermsThatCannotBeTrainedOnAreRefused()
    {
        Assert.Equal("objective terms: has no terms: a loss needs at least one", Error(_ => []));
        Assert.Equal("objective terms: has no terms: a loss needs at least one", Error(_ => null!));
        Assert.Equal("objective terms: the term ce is null", Error(_ => [new("ce", 1, null!)]));
        Assert.Equal("objective terms: the term 1 of 1 is null", Error(_ => [null!]));
        Assert.Equal("objective terms: two terms are named ce", Error(x => [Term(x), Term(x)]));
        Assert.Equal("objective terms: the term rows is [16, 2], not one value: take its mean or sum",
            Error(x => [Term(x), new("rows", 1, x.Adversarial!.Logits)]));
        Assert.StartsWith("objective terms: a term uses the outputs for natural images, which are passed through the network only if "
            + "NeedsNatural is true", Error(x => [new("natural", 1, x.Natural!.Logits.Mean())]), StringComparison.Ordinal);
        Assert.StartsWith("objective terms: no term depends on the trained weights",
            Error(x => [new("ce", 1, x.Adversarial!.Logits.Detach().Mean())]), StringComparison.Ordinal);

        static LossTerm Term(ObjectiveInput input) => new("ce", 1, input.Adversarial!.Logits.CrossEntropy(input.Labels));

        string Error(Func<ObjectiveInput, IReadOnlyList<LossTerm>> terms)
        {
            foreach (int shards in new[] { 1, 2 })
            {
                Trainer trainer = new(Model(), new TermsObjective(terms), new() { Epochs = 1, Batch = 16, Shards = shards })
                {
                    Attack = new OwnAttack(0.1),
                };
                string message = Assert.Throws<UserErrorException>(() => trainer.Fit(Data)).Message;
                if (shards == 2)
                    return message;
            }
            return "";
        }
    }

    [Fact]
    public void ASecondFitIsRefused()
    {
        Trainer trainer = Trainer(new TunedAttack());
        trainer.Fit(Data);
        Assert.StartsWith("training is finished: ", Assert.Throws<InvalidOperationException>(() => trainer.Fit(Data)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ACallbackEndsTrainingEarly()
    {
        StopAfterEpoch callback = new(2);
        Trainer trainer = new(Model(), new OwnObjective(), new() { Epochs = 5, Batch = 16 })
        {
            Attack = new OwnAttack(0.1),
            Callbacks = { callback, new Checkpoints(folder) },
        };
        trainer.Fit(Data);
        Assert.Equal((2, 2, true), (trainer.History.Count, trainer.Progress.Epoch, callback.HasEnded));
        Assert.True(File.Exists(Path.Combine(folder, "best.safetensors")));
        // The folder of a program's checkpoints is not a run's.
        Assert.Contains("name the file, such as", Assert.Throws<UserErrorException>(() => RunFolder.Open(folder)).Message,
            StringComparison.Ordinal);
        Assert.Contains("LoadInto", Assert.Throws<UserErrorException>(
            () => ClassifierFile.Load(device, Path.Combine(folder, "best.safetensors"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ExportSaysWhatOnnxCannotHold()
    {
        string path = Path.Combine(folder, "model.onnx");
        Assert.Equal("cannot export own: the op 'cube' has no ONNX form",
            Assert.Throws<UserErrorException>(() => OnnxExport.Save(path, Model(), [])).Message);
        Assert.Equal("cannot export own: 3 class names for 2 logits",
            Assert.Throws<UserErrorException>(() => OnnxExport.Save(path, Model(), ["a", "b", "c"])).Message);
        Assert.False(File.Exists(path));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void AThreatModelHasAValidRadius(double epsilon)
    {
        Assert.Throws<UserErrorException>(() => new ThreatModel(PerturbationNorm.Linf, epsilon));
        Assert.Throws<UserErrorException>(() => new ThreatModel(PerturbationNorm.L2, 0.5) with { Epsilon = epsilon });
    }

    [Fact]
    public void OwnAttacksAreEvaluatedWithAFolder()
    {
        Classifier model = Model();
        EvaluationSettings settings = new() { Epsilon = 0.1 };
        EvaluationResult result = Of(settings, 0).Run(folder);
        Assert.Equal("tuned", Assert.Single(result.Report.Attacks).Name);
        Assert.False(Of(settings, 0).Run(folder).IsNew);
        Assert.Contains("mu 1", Assert.Throws<UserErrorException>(() => Of(settings, 1).Run(folder)).Message, StringComparison.Ordinal);
        Assert.Contains("attack tuned is of linf 0.1, the evaluation of linf 8/255",
            Assert.Throws<UserErrorException>(() => Of(new(), 0)).Message, StringComparison.Ordinal);
        Assert.StartsWith("epsilons: ",
            Assert.Throws<UserErrorException>(() => Of(settings with { Epsilons = [0.2] }, 0)).Message, StringComparison.Ordinal);

        RobustnessEvaluation Of(EvaluationSettings with, double mu) =>
            new(model, Data, with) { Attacks = [new(new TunedAttack { Mu = mu })] };
    }

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private Classifier Model() => Classifiers.For(device, Data, "own", (p, s) => new OwnNetwork(p, s));

    private Trainer Trainer(IAttack attack, TrainingCallback? callback = null, int batch = 16) =>
        new(Model(), new OwnObjective(), new() { Epochs = 1, Batch = batch })
        {
            Attack = attack,
            Callbacks = callback is null ? [] : [callback],
        };

    private EvaluationReport Evaluate(IAttack attack) =>
        new Evaluator(Model(), Data.Test, 16, 1).Run([new(attack)], CancellationToken.None);

    private sealed class TunedAttack : IAttack
    {
        [Setting("mu", "A setting.", Min = 0)]
        public double Mu { get; init; }

        public Func<Classifier, Tensor, Tensor> Change { get; init; } = (_, x) => x.Scale(1);
        public string Name => "tuned";
        public PerturbationNorm Norm => PerturbationNorm.Linf;
        public double Epsilon => 0.1;
        public int Steps => 1;

        public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key) => Change(model, batch.Images);
    }

    private sealed class OddNetwork(ParameterSet parameters, int logits) : INetwork
    {
        private readonly LinearLayer fc = new(parameters, "fc", 64, Math.Max(logits, 1));

        public int LatentSize { get; init; } = 64;
        public string HeadPrefix { get; init; } = "fc.";

        public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
        {
            Tensor latent = x.Flatten();
            return new(latent, logits == 0 ? null! : fc.Forward(latent));
        }
    }

    private sealed record TermsObjective(Func<ObjectiveInput, IReadOnlyList<LossTerm>> Of) : IObjective
    {
        public string Name => "terms";
        public AttackLoss? Attack => AttackLoss.CrossEntropy;
        public bool NeedsNatural => false;

        public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) => Of(input);
    }

    private sealed class StopAfterEpoch(int epoch) : TrainingCallback
    {
        public bool HasEnded { get; private set; }

        public override void EndEpoch(Trainer trainer, TrainedEpoch done)
        {
            if (done.Metrics.Epoch == epoch)
                trainer.RequestStop();
        }

        public override void End(Trainer trainer) => HasEnded = true;
    }
}
