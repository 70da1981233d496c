using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests.Attacks;

public sealed class TargetOrderTests
{
    /// <summary>On a linear model the nearest boundary is known: a ball that just reaches it is enough where the first target is the
    /// nearest one, not where it is the one of largest logit.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void TheFirstTargetByBoundaryIsTheNearest(PerturbationNorm norm)
    {
        using CpuDevice device = new(1);
        Classifier model = LinearNetwork.Classifier(device, classes: 40);
        int likeliest = 0;
        for (int n = 0; n < 12; n++)
        {
            ImageBatch one = Made.GreyBatch(model, n);
            int label = one.Labels.ToArray()[0];
            double epsilon = 1.001 * LinearNetwork.Distance(model, norm, one.Images.ToArray(), label);
            Assert.True(IsTurned(TargetOrder.Boundary), $"image {n}");
            likeliest += IsTurned(TargetOrder.Logit) ? 1 : 0;

            bool IsTurned(TargetOrder order)
            {
                AutoPgdAttack attack = new(new(epsilon, norm, 60, AttackLoss.Margin, Targets: 1, Order: order));
                Tensor adversarial = attack.Perturb(model, one, Made.Key);
                return Made.Predictions(model, adversarial)[0] != label;
            }
        }
        Assert.InRange(likeliest, 0, 11);
    }
}
