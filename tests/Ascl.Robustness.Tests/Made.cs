using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests;

/// <summary>Small models and batches for tests.</summary>
internal static class Made
{
    public const int Channels = 3, Size = 8, Image = Channels * Size * Size, Classes = 5;

    public static readonly RandomKey Key = new(3, RandomPurpose.AttackStart);

    public static Classifier Model(Device device, string network = "resnet: 1 block a stage, widths 8,16") =>
        new(device, new(network, Channels, Classes, [], []), seed: 4);

    /// <summary>
    /// The chosen ones of many random images: pixels in [0, 1], many of them exactly 0 or 1; labels and ids of their own.
    /// </summary>
    public static ImageBatch Batch(Device device, params IEnumerable<int> chosen)
    {
        int[] numbers = [.. chosen];
        float[] pixels = [.. numbers.SelectMany(n => Uniform(Image, 100 + (uint)n, -0.2f, 1.2f).Select(v => Math.Clamp(v, 0, 1)))];
        return new(Tensor.FromArray(device, new(numbers.Length, Channels, Size, Size), pixels),
            device.Upload<int>([.. numbers.Select(n => n * 7 % Classes)]), device.Upload<int>(numbers));
    }

    /// <summary>Images of which the model is right: the labels are its predictions.</summary>
    public static ImageBatch RightBatch(Classifier model, params IEnumerable<int> chosen)
    {
        ImageBatch batch = Batch(model.Device, chosen);
        return batch with { Labels = model.Device.Upload<int>(Predictions(model, batch.Images)) };
    }

    /// <summary>The same with pixels in [0.3, 0.7]: small changes do not meet the border of the image range.</summary>
    public static ImageBatch GreyBatch(Classifier model, params IEnumerable<int> chosen)
    {
        ImageBatch batch = Batch(model.Device, chosen);
        Tensor grey = Tensor.FromArray(model.Device, batch.Images.Shape, [.. batch.Images.ToArray().Select(v => 0.3f + 0.4f * v)]);
        return batch with { Images = grey, Labels = model.Device.Upload<int>(Predictions(model, grey)) };
    }

    /// <summary>Every attack of the catalogue that is not made of others, in every norm that it has a form for.</summary>
    public static IEnumerable<(string Name, PerturbationNorm Norm)> SingleAttacks() =>
        from name in AttackCatalog.Names
        where !AttackCatalog.EnsembleNames.Contains(name)
        from norm in AttackCatalog.NormsOf(name)
        select (name, norm);

    public static int[] Predictions(Classifier model, Tensor images) =>
        model.Forward(images, ForwardMode.Inference).Logits.Predict().ToArray();

    public static float[] Uniform(int length, uint stream, float low, float high)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(31, RandomPurpose.Test, stream), low, high);
        return values;
    }

    public static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);
}
