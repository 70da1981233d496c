namespace Ascl.Robustness.Attacks;

/// <summary>Help texts of settings shared by training attacks and evaluations.</summary>
public static class AttackTexts
{
    /// <summary>Help for the norm.</summary>
    public const string Norm = "Norm of the perturbation: linf (each pixel) or l2 (the whole image).";

    /// <summary>Help for ε.</summary>
    public const string Epsilon = "Maximum perturbation, for pixels in [0, 1].";

    /// <summary>Help for the step size.</summary>
    public const string StepSize =
        "By default 2.5 epsilon/N for N steps, clamped to [epsilon/4, epsilon] (2/255 for epsilon 8/255 and 10 or more steps).";
}
