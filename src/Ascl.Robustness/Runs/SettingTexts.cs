namespace Ascl.Robustness.Runs;

/// <summary>Texts shared by several help texts.</summary>
public static class SettingTexts
{
    /// <summary>Data sets.</summary>
    public const string DataForms =
        "sample, fashion-mnist[:DIR], mnist[:DIR], emnist-SPLIT[:DIR], cifar10:PATH, cifar100:PATH, folder:PATH, parquet:PATH or "
            + "file:PATH (.safetensors, .npz, .npy, .pt)";

    /// <summary>Networks.</summary>
    public const string Networks =
        "smallcnn, resnet18, resnet34, resnet50, resnet20|32|44|56|110, preactresnet18, preactresnet34, preactresnet50, wrn-D-W, "
            + "wrn-D-W-swish, vgg11, vgg13, vgg16, vgg19, mobilenetv2, densenet121 or densenet169";

    /// <summary>Activations.</summary>
    public const string Activations = "relu, silu, softplus, gelu, elu or mish";

    /// <summary>Input normalisations.</summary>
    public const string Normalizations =
        "none, cifar10, cifar100, mnist, fashion-mnist, imagenet, half (0.5/0.5), numbers M,M,M/S,S,S, or auto: that of the data set";

    /// <summary>Precision.</summary>
    public const string Precision =
        "Precision of convolutions and matrix products: float32, or on a GPU's tensor cores tf32 or bf16 with float32 accumulation.";

    /// <summary>Threads.</summary>
    public const string Threads = "Number of CPU threads; 0: one per core. The results are bit-identical for any number.";
}
