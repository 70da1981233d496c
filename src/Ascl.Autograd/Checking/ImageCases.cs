using Ascl.Autograd.Ops;

namespace Ascl.Autograd.Checking;

/// <summary>Conversions between plain pixels or features and activations.</summary>
internal static class ImageCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        float[] mean = [0.4914f, 0.4822f, 0.4465f], std = [0.2471f, 0.2435f, 0.2616f];
        OpInput images = inputs.Draw("images", 2, 3, 4, 5), gray = inputs.Draw("images", 3, 1, 5, 3);
        OpInput activation = inputs.Draw("x", 2, 18, 3, 4);
        yield return new("normalize", "3 channels", [images], t => t[0].Normalize(mean, std),
            v => [.. v[0].Select((x, i) => (x - mean[i / 20 % 3]) / std[i / 20 % 3])]);
        yield return new("normalize", "1 channel", [gray], t => t[0].Normalize([0.286f], [0.353f]),
            v => [.. v[0].Select(x => (x - 0.286f) / 0.353f)]);
        yield return new("normalize", "without mean and std", [images], t => t[0].Normalize([], []), v => v[0]);
        yield return new("to_activation", "5 channels", [inputs.Draw("x", 2, 5, 3, 4)], t => t[0].ToActivation(), v => v[0]);
        yield return new("to_activation", "18 channels", [activation], t => t[0].ToActivation(), v => v[0]);
        yield return new("flatten", "18 channels", [activation], t => t[0].ToActivation().Flatten(), v => v[0]);
        yield return new("flatten", "1 pixel", [inputs.Draw("x", 3, 5, 1, 1)], t => t[0].ToActivation().Flatten(), v => v[0]);
    }
}
