using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;

namespace Ascl.Data.Sources;

/// <summary>
/// A safetensors file with <c>train.images, train.labels, test.images, test.labels</c>, or with <c>images, labels</c> alone, which then are both
/// parts. Images are [N, C, H, W], uint8 0…255 or float32 in [0, 1]; labels are [N], any integers. There are as many classes as the largest
/// label says.
/// </summary>
internal static class TensorFile
{
    private sealed record Part(string Name, int[] Shape, int[] Labels, byte[]? Bytes, float[]? Floats);

    public static DataSet Open(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        string name = Path.GetFileNameWithoutExtension(path);
        bool hasParts = file.Contains("train.images") || file.Contains("test.images");
        Part[] parts = hasParts
            ? [Read(file, "train.images", "train.labels"), Read(file, "test.images", "test.labels")]
            : [Read(file, "images", "labels")];
        IReadOnlyList<string> classNames = ClassNames.Numbered(1 + parts.Max(part => part.Labels.Max()));
        ImageSet[] sets = [.. parts.Select(part => Set(part, classNames))];
        return new DataSet(name, sets[0], sets[^1], Augmentation.ForChannels(sets[0].Channels));
    }

    private static Part Read(SafetensorsFile file, string images, string labels)
    {
        int[] shape = file.Shape(images), labelShape = file.Shape(labels);
        SafetensorsDtype dtype = file.Dtype(images);
        if (shape.Length != 4 || shape.Contains(0) || shape[1] is not (1 or 3))
            throw new UserErrorException($"{file.Path}: {images} is [{string.Join(", ", shape)}]; [N, C, H, W] with 1 or 3 channels is needed");
        if (dtype is not (SafetensorsDtype.U8 or SafetensorsDtype.F32))
            throw new UserErrorException($"{file.Path}: {images} is {dtype}; U8 or F32 is needed");
        if (labelShape.Length != 1 || labelShape[0] != shape[0])
            throw new UserErrorException($"{file.Path}: {labels} is [{string.Join(", ", labelShape)}]; {images} has {shape[0]} images");
        long[] classes = file.ReadIntegers(labels);
        int wrong = Array.FindIndex(classes, label => label is < 0 or > ushort.MaxValue);
        if (wrong >= 0)
            throw new UserErrorException($"{file.Path}: {labels}[{wrong}] is {classes[wrong]}; classes are numbered from 0 to {ushort.MaxValue}");
        return new Part(
            $"{file.Path}: {images}", shape, [.. classes.Select(label => (int)label)],
            dtype == SafetensorsDtype.U8 ? file.ReadBytes(images) : null,
            dtype == SafetensorsDtype.F32 ? file.ReadFloats(images) : null);
    }

    private static ImageSet Set(Part part, IReadOnlyList<string> classNames) => part.Bytes is not null
        ? new ImageSet(part.Name, classNames, part.Shape[1], part.Shape[2], part.Shape[3], part.Labels, part.Bytes)
        : new ImageSet(part.Name, classNames, part.Shape[1], part.Shape[2], part.Shape[3], part.Labels, part.Floats!);
}
