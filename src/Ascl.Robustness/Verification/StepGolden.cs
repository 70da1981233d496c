using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Core.Files;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Verification;

/// <summary>Golden files of training steps with given adversarial images, which verify optimiser, weight perturbation and averaging:
/// initial weights, images and labels (also of helper images) of every step, loss of every step, final and averaged weights. Metadata:
/// objective, learning_rate, momentum, weight_decay, awp_gamma, clip_norm, ema_decay, linear.</summary>
internal static class StepGolden
{
    private const double Allowed = 1e-3;

    public static void Verify(Device device, SafetensorsFile file, Comparison comparison) =>
        comparison.Checks.AddRange(RoundingBranches.Nearest(file, RoundingBranches.Count,
            (branch, checks) => VerifyBranch(device, file, checks, branch)).Checks);

    private static void VerifyBranch(Device device, SafetensorsFile file, Comparison comparison, int branch)
    {
        Classifier model = NetworkGolden.MakeClassifier(device, file, "weights.");
        WeightFile.Load(model.Parameters, file, "weights.");
        double Number(string key) => NetworkGolden.Metadata(file, key);
        IObjective objective = Number("linear") == 1 ? new LinearObjective()
            : NetworkGolden.Text(file, "objective") switch
            {
                "trades" => new TradesObjective(),
                "hat" => new HatObjective(),
                _ => new PgdAtObjective { NaturalWeight = 1 },
            };
        SgdSettings settings = new()
        {
            Momentum = Number("momentum"),
            WeightDecay = Number("weight_decay"),
            ClipNorm = Number("clip_norm"),
        };
        SgdOptimizer optimizer = new(Optimizers.Targets(model, objective.Trains), settings);
        WeightPerturbation? perturbation = Number("awp_gamma") > 0 ? new(model.Parameters, Number("awp_gamma")) : null;
        WeightAverage? average = Number("ema_decay") > 0 ? new(model, Number("ema_decay")) : null;
        TrainingStep step = new(model, objective, optimizer, perturbation);
        float[] losses = new float[file.Shape("loss.total")[0]];
        for (int i = 0; i < losses.Length; i++)
        {
            DeviceBuffer<int> labels = ContrastiveGolden.Integers(device, file, $"step{i}.labels");
            Tensor Images(string name) =>
                Tensor.FromArray(device, new(file.Shape(name)), RoundingBranches.Input(file.ReadFloats(name), branch));
            DeviceBuffer<int>? helperLabels =
                objective.HelperReach is null ? null : ContrastiveGolden.Integers(device, file, $"step{i}.helper_labels");
            losses[i] = (float)step.Run(new(Images($"step{i}.images"), labels, labels), Images($"step{i}.adversarial"),
                Number("learning_rate"), helperLabels).Loss;
            average?.Update(i);
        }
        comparison.Tensor("loss.total", losses, Allowed);
        Compare("after.", model);
        if (average is not null)
            Compare("average.", average.Model);

        void Compare(string prefix, Classifier of)
        {
            foreach (NamedTensor tensor in of.Parameters.All)
                comparison.Tensor(prefix + tensor.Name, tensor.Tensor.ToArray(), Allowed);
        }
    }
}
