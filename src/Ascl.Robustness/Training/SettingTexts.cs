using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Training;

/// <summary>Help of settings that occur in several places: in training, evaluation and data.</summary>
public static class SettingTexts
{
    public const string DataForms = "sample, fashion-mnist[:DIR], mnist[:DIR], cifar10:PATH, cifar100:PATH, folder:PATH or file:PATH.safetensors";
    public const string Networks = "smallcnn, resnet18, resnet20, resnet34, resnet50, preactresnet18 or wrn-D-W";
    public const string Activations = "relu, silu, softplus or gelu";
    public const string Normalizations = "none, cifar10, cifar100, mnist, fashion-mnist, imagenet, half (0.5/0.5), numbers M,M,M/S,S,S, or auto: what the data say";
    public const string Norm = "What epsilon measures: linf (each pixel) or l2 (the whole image).";
    public const string Epsilon = "Largest change of an image, of pixels in [0, 1].";
    public const string StepSize = "By default 2.5 epsilon/N for N steps, but at least epsilon/4 and at most epsilon (8/255 with 10 or more steps: 2/255).";
    public const string Resize = "Resize each image so that its shorter side has N pixels (antialiased, as torchvision's Resize).";
    public const string Crop = "Cut N x N pixels from the centre of each image, after resizing: makes images of any sizes alike.";
    public const string TestShare = "Make this share of each class the test part of data without one: 0.2 for a fifth, always the same images; 1 for all, to evaluate on.";
    public const string AllowEmptyClasses = "Read classes that have no images. Without, they are an error: labels that count from 1, or a folder that is empty by mistake.";
    public const string Precision = "What convolutions and matrix products round their factors to: float32 (nothing), tf32 or bf16 on a GPU's tensor cores; sums stay float32.";
    public const string Threads = "Threads that compute on a CPU, 0: one a core. The results are the same bits for any number.";
}
