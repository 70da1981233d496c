namespace Ascl.Autograd;

/// <summary>For ops that compute all their gradients in one pass: runs the pass once per dy, for whichever input comes first.</summary>
/// <param name="backward">The pass, given dy and whether it is masked (see <see cref="Fusion"/>).</param>
internal sealed class JointVjp<TGradients>(Func<Tensor, bool, TGradients> backward) where TGradients : class
{
    private Tensor? from;
    private TGradients? gradients;

    public TGradients Of(Tensor dy, Fusion fusion)
    {
        if (from != dy)
            (from, gradients) = (dy, backward(dy, fusion.Masked));
        return gradients!;
    }
}
