namespace Ascl.Robustness.Attacks;

/// <summary>Help of settings that training attacks and evaluations have in common.</summary>
public static class AttackTexts
{
    /// <summary>Of the norm.</summary>
    public const string Norm = "What epsilon measures: linf (each pixel) or l2 (the whole image).";

    /// <summary>Of ε.</summary>
    public const string Epsilon = "Largest change of an image, of pixels in [0, 1].";

    /// <summary>Of the step size.</summary>
    public const string StepSize =
        "By default 2.5 epsilon/N for N steps, but at least epsilon/4 and at most epsilon (8/255 with 10 or more steps: 2/255).";
}
