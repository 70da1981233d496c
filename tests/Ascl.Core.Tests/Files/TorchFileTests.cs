using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Core.Tests.Files;

/// <summary>Checkpoints that PyTorch 1.13 wrote of the weights of wrn-10-1.safetensors.</summary>
public sealed class TorchFileTests
{
    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "fixtures");

    /// <summary>Name of the file, prefix of its tensors' names, and by how much rounding to fewer bits may change a weight (in float16,
    /// also by half of its smallest number).</summary>
    [Theory]
    [InlineData("plain.pt", "", 0)]
    [InlineData("parameters.pt", "", 0)]
    [InlineData("views.pt", "", 0)]
    [InlineData("legacy.pt", "", 0)]
    [InlineData("sequential.pt", "1.", 0)]
    [InlineData("training.pth", "state_dict.module.", 0)]
    [InlineData("half.pt", "", 1f / 2048)]
    [InlineData("bfloat16.pt", "", 1f / 256)]
    public void TensorsEqualTheWeightsThatWereSaved(string name, string prefix, float relative)
    {
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(Fixtures, "wrn-10-1.safetensors"));
        using TensorFile file = TensorFile.Open(Path.Combine(Fixtures, "torch", name));
        string[] weights = [.. golden.Names.Where(weight => weight.StartsWith("weights.", StringComparison.Ordinal))];
        Assert.True(weights.Length > 30);
        foreach (string weight in weights)
        {
            string here = prefix + weight["weights.".Length..];
            Assert.Equal(golden.Shape(weight), file.Shape(here));
            float[] wanted = golden.ReadFloats(weight), read = file.ReadFloats(here);
            for (int i = 0; i < wanted.Length; i++)
                Assert.Equal(wanted[i], read[i], relative * MathF.Max(MathF.Abs(wanted[i]), MathF.Pow(2, -14)));
        }
    }

    [Fact]
    public void TextsAndNumbersBesideTheTensorsAreMetadata()
    {
        using TensorFile file = TensorFile.Open(Path.Combine(Fixtures, "torch", "training.pth"));
        Assert.Equal("wrn-10-1", file.Metadata["arch"]);
        Assert.Equal("0.1", file.Metadata["optimizer.param_groups.0.lr"]);
        Assert.Contains("optimizer.state.0.momentum_buffer", file.Names);
    }

    [Theory]
    [InlineData("refuse_evil.pt", "calls posix.system when Python opens it")]
    [InlineData("refuse_module.pt", "holds a whole pickled module (torch.nn.modules.container.Sequential)")]
    [InlineData("refuse_not_torch.pt", "a Python pickle, not a PyTorch checkpoint")]
    [InlineData("refuse_truncated.pt", "cut off or damaged")]
    public void OtherFilesAreRefusedInOneLine(string name, string expected)
    {
        string path = Path.Combine(Fixtures, "torch", name);
        UserErrorException error = Assert.Throws<UserErrorException>(() => TensorFile.Open(path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.False(File.Exists("evil-ran"));
    }

    /// <summary>A pickle of an unknown class with arguments, a dictionary class and a class named by STACK_GLOBAL (protocol 4).</summary>
    [Fact]
    public void ObjectsOfOtherClassesAreSkipped()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("objects.pt");
        using (var archive = System.IO.Compression.ZipFile.Open(path, System.IO.Compression.ZipArchiveMode.Create))
        {
            using (Stream data = archive.CreateEntry("x/data.pkl").Open())
            {
                data.Write([0x80, 4, .. "}("u8,
                    0x8C, 1, .. "a"u8, .. "cpathlib\nPosixPath\n"u8, 0x8C, 3, .. "tmp"u8, 0x85, .. "R"u8,
                    0x8C, 1, .. "b"u8, .. "cyacs.config\nCfgNode\n)\x81"u8[..^2], 0x81, .. "("u8, 0x8C, 2, .. "lr"u8, .. "K\u0007u"u8,
                    0x8C, 1, .. "c"u8, 0x8C, 8, .. "datetime"u8, 0x94, 0x8C, 4, .. "date"u8, 0x94, 0x93, 0x8C, 2, .. "xx"u8, 0x85, .. "R"u8,
                    0x8C, 1, .. "w"u8, .. "ctorch._utils\n_rebuild_tensor_v2\n("u8,
                    .. "("u8, 0x8C, 7, .. "storage"u8, .. "ctorch\nFloatStorage\n"u8, 0x8C, 1, .. "0"u8, 0x8C, 3, .. "cpu"u8,
                    .. "K\u0002tQK\0K\u0002"u8, 0x85, .. "K\u0001"u8, 0x85, 0x89, .. "NtRu."u8]);
            }
            using Stream storage = archive.CreateEntry("x/data/0").Open();
            storage.Write([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
        }
        using TensorFile file = TensorFile.Open(path);
        Assert.Equal(["w"], file.Names);
        Assert.Equal([1f, 2f], file.ReadFloats("w"));
        Assert.Equal("7", file.Metadata["b.lr"]);
    }
}
