namespace Ascl.Robustness.Runs;

/// <summary>Lists of names for help that stand in several places.</summary>
public static class SettingTexts
{
    /// <summary>Data sets.</summary>
    public const string DataForms =
        "sample, fashion-mnist[:DIR], mnist[:DIR], cifar10:PATH, cifar100:PATH, folder:PATH or file:PATH.safetensors";

    /// <summary>Networks.</summary>
    public const string Networks = "smallcnn, resnet18, resnet20, resnet34, resnet50, preactresnet18 or wrn-D-W";

    /// <summary>Activations.</summary>
    public const string Activations = "relu, silu, softplus or gelu";

    /// <summary>Input normalisations.</summary>
    public const string Normalizations =
        "none, cifar10, cifar100, mnist, fashion-mnist, imagenet, half (0.5/0.5), numbers M,M,M/S,S,S, or auto: what the data say";

    /// <summary>What products are rounded to.</summary>
    public const string Precision =
        "What convolutions and matrix products round their factors to: float32 (nothing), tf32 or bf16 on a GPU's tensor cores; sums stay "
            + "float32.";

    /// <summary>Threads.</summary>
    public const string Threads = "Threads that compute on a CPU, 0: one a core. The results are the same bits for any number.";
}
