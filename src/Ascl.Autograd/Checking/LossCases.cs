using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;

namespace Ascl.Autograd.Checking;

/// <summary>Losses of logits of ordinary size, of equal logits, and of logits far apart.</summary>
internal static class LossCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (var (n, k) in new[] { (6, 10), (1, 2), (5, 19) })
        {
            OpInput logits = inputs.Draw("logits", n, k).Times(4);
            int[] labels = inputs.Indices(n, k);
            foreach (Reduction reduction in new[] { Reduction.Mean, Reduction.Sum, Reduction.None })
                foreach (float smoothing in new[] { 0, 0.2f })
                    yield return CrossEntropy(
                        $"[{n}, {k}], {reduction.ToString().ToLowerInvariant()}{(smoothing > 0 ? $", smoothing {smoothing}" : "")}", logits,
                        labels, smoothing, reduction);
            OpInput other = inputs.Draw("b", n, k).Times(4);
            yield return KullbackLeibler($"[{n}, {k}]", logits with { Name = "a" }, other);
            yield return Entropy($"[{n}, {k}]", logits);
            yield return LogSoftmax($"[{n}, {k}]", logits);
        }

        OpInput apart = inputs.Draw("logits", 4, 7).Times(100), equal = inputs.Draw("logits", 3, 5).Times(0);
        OpInput some = inputs.Draw("a", 4, 7).Times(3);
        yield return CrossEntropy("logits far apart", apart, inputs.Indices(4, 7), 0, Reduction.Mean);
        yield return CrossEntropy("equal logits", equal, inputs.Indices(3, 5), 0.1f, Reduction.Mean);
        yield return CrossEntropy("one class", inputs.Draw("logits", 3, 1), new int[3], 0, Reduction.Mean);
        yield return KullbackLeibler("b = a", some, some with { Name = "b" });
        yield return KullbackLeibler("logits far apart", some, apart with { Name = "b" });
        yield return Entropy("logits far apart", apart);
        yield return Entropy("equal logits", equal);
        yield return LogSoftmax("logits far apart", apart);
    }

    private static OpCase CrossEntropy(string variant, OpInput logits, int[] labels, float smoothing, Reduction reduction) =>
        new("cross_entropy", variant, [logits], t => t[0].CrossEntropy(t[0].Device.Upload<int>(labels), smoothing, reduction), v =>
        {
            double[] each = ReferenceLosses.CrossEntropy(v[0], labels, smoothing);
            return reduction switch { Reduction.Mean => [each.Average()], Reduction.Sum => [each.Sum()], _ => each };
        });

    private static OpCase KullbackLeibler(string variant, OpInput a, OpInput b) =>
        new("kl", variant, [a, b], t => t[0].KullbackLeibler(t[1]), v => ReferenceLosses.KullbackLeibler(v[0], v[1], a.Shape[1]));

    private static OpCase Entropy(string variant, OpInput logits) =>
        new("entropy", variant, [logits], t => t[0].MeanEntropy(), v => [ReferenceLosses.Entropy(v[0], logits.Shape[1]).Average()]);

    private static OpCase LogSoftmax(string variant, OpInput logits) =>
        new("log_softmax", variant, [logits], t => t[0].LogSoftmax(), v => ReferenceLosses.LogSoftmax(v[0], logits.Shape[1]));
}
