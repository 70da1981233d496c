namespace Ascl.Testing;

/// <summary>The ONNX models of tests/fixtures/onnx, each with golden values beside it.</summary>
public static class OnnxFixtures
{
    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "channels_last", "convnext", "densenet", "mlp", "mobilenet_v2", "mobilenet_v3", "odd_ops",
        "resnet_imagenet_stem", "shufflenet", "vit",
    ];
}
