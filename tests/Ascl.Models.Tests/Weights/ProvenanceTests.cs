using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.OnnxRuntime;

namespace Ascl.Models.Tests.Weights;

/// <summary>Weights keep their provenance through every file format.</summary>
public sealed class ProvenanceTests : IDisposable
{
    private static readonly ulong[] Images = [0xFFFFFF_1234567890, 7, 0xABCDEF_0000000001, ulong.MaxValue];
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-provenance").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ImageHashesRoundTripAndCountMatches()
    {
        ImageHashes read = ImageHashes.Parse(ImageHashes.Of(Images).Text());
        Assert.Equal(4, read.Count);
        Assert.Equal(2, read.CountOf([7, 8, 0xFFFFFF_1234567890, 9]));
        Assert.Equal(5, read.Union(ImageHashes.Of([7, 8])).Count);
        // Images are distinguished by the 40 low bits.
        Assert.Equal(1, read.CountOf([0x1234567890]));
        Assert.Equal(0, read.CountOf([0x1334567890]));
        Assert.Throws<FormatException>(() => ImageHashes.Parse("AAAA"));
    }

    [Fact]
    public void SafetensorsAndOnnxKeepProvenance()
    {
        using CpuDevice device = new(1);
        Classifier model = new(device, new("resnet: 1 block a stage, widths 4,8", 3, 4, [], []))
        {
            Provenance = new("l2", 1.5, ImageHashes.Of(Images), "run")
            {
                ChosenBy = ImageHashes.Of([77, 78]),
                Size = [3, 32, 32],
                IsEncoder = true,
            },
        };
        string weights = Path.Combine(folder, "w.safetensors"), onnx = Path.Combine(folder, "w.onnx");
        ClassifierFile.Save(weights, model);
        OnnxExport.Save(onnx, ClassifierFile.Load(device, weights), []);
        Provenance?[] all =
            [ClassifierFile.Load(device, weights).Provenance, Provenance.Read(weights), OnnxNetwork.Load(device, onnx).Provenance];
        foreach (Provenance? read in all)
        {
            Assert.Equal(("l2", 1.5, "run"), (read!.Norm, read.Epsilon, read.Run));
            Assert.Equal(4, read.Images.CountOf(Images));
            Assert.True(read.IsEncoder);
            Assert.Equal(5, read.CountOf([3, 32, 32], [.. Images, 78, 79]));
            // Images of another size have other hashes.
            Assert.Null(read.CountOf([3, 30, 30], Images));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"norm": "l7", "epsilon": 1, "images": "", "run": "", "chosen_by": "", "size": [3, 4, 4]}""")]
    [InlineData("""{"norm": "l2", "epsilon": -1, "images": "", "run": "", "chosen_by": "", "size": [3, 4, 4]}""")]
    [InlineData("""{"norm": "l2", "epsilon": 1, "images": "AAA", "run": "", "chosen_by": "", "size": [3, 4, 4]}""")]
    [InlineData("""{"norm": "l2", "epsilon": 1, "images": "", "run": ""}""")]
    public void DamagedProvenanceIsAUserError(string text) =>
        Assert.Contains("w.safetensors: the provenance", Assert.Throws<UserErrorException>(
            () => Provenance.Of(new Dictionary<string, string> { [Provenance.Key] = text }, "w.safetensors")).Message);
}
