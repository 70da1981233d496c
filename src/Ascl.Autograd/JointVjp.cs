namespace Ascl.Autograd;

/// <summary>For ops whose gradients come out of one pass together: runs it once for a dy, whichever input asks first.</summary>
/// <param name="backward">From dy and whether it is masked (see <see cref="Fusion"/>).</param>
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
