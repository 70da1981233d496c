namespace Ascl.Autograd;

/// <summary>For ops whose gradients come out of one pass together: runs it once for a dy, whichever input asks first.</summary>
internal sealed class JointVjp<TGradients>(Func<Tensor, TGradients> backward) where TGradients : class
{
    private Tensor? from;
    private TGradients? gradients;

    public TGradients Of(Tensor dy)
    {
        if (from != dy)
            (from, gradients) = (dy, backward(dy));
        return gradients!;
    }
}
