using System.Buffers.Binary;
using System.Text.Json;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Verification;
using Ascl.Testing;

namespace Ascl.Robustness.Tests.Verification;

public sealed class GoldenFileTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");

    public void Dispose() => directory.Delete(recursive: true);

    /// <summary>Values computed in float64 by an independent PyTorch implementation.</summary>
    [Theory]
    [InlineData("ascl_loss_small", 120)]
    [InlineData("ascl_loss_batch64", 120)]
    [InlineData("ascl_loss_lkinf", 40)]
    [InlineData("objectives", 60)]
    [InlineData("smallcnn", 25)]
    [InlineData("resnet20", 100)]
    [InlineData("wrn-10-1", 40)]
    [InlineData("ascl_training", 30)]
    [InlineData("two_views", 20)]
    [InlineData("recent_objectives", 70)]
    [InlineData("training_awp", 30)]
    [InlineData("training_ema", 60)]
    [InlineData("training_linear", 30)]
    [InlineData("training_hat", 30)]
    [InlineData("autoattack", 5)]
    public void EveryQuantityIsWithinItsLimit(string name, int atLeast)
    {
        using CpuDevice device = new(2);
        IReadOnlyList<GoldenCheck> checks = GoldenFile.Verify(device, Made.Fixture($"{name}.safetensors"));
        string[] failed = [.. checks.Where(c => !c.Passed).Select(c => $"{c.Quantity}: {c.Error:g3} {c.Measure}, allowed {c.Allowed:g3}")];
        Assert.True(failed.Length == 0, string.Join('\n', failed.Prepend($"{failed.Length} of {checks.Count}:")));
        int compared = checks.Count(c => c.Skipped is null);
        Assert.True(compared >= atLeast, $"only {compared} quantities were compared");
        Assert.Equal(checks.Count, compared);
    }

    public static TheoryData<string> Models { get; } = new(OnnxFixtures.Names);

    /// <summary>Exporters' models: logits and input gradients in float64, of torch's own float64 modules.</summary>
    [Theory, MemberData(nameof(Models))]
    public void OnnxModelsAreWithinTheirLimits(string name) => EveryQuantityIsWithinItsLimit(Path.Combine("onnx", name), 4);

    [Theory]
    [InlineData("logits")]
    [InlineData("input_grad_of_summed_cross_entropy")]
    public void ADamagedValueOfAnOnnxModelFails(string quantity)
    {
        string name = Path.Combine("onnx", "odd_ops");
        Directory.CreateDirectory(Path.Combine(directory.FullName, "onnx"));
        File.Copy(Made.Fixture($"{name}.onnx"), Path.Combine(directory.FullName, $"{name}.onnx"));
        ADamagedValueFails(name, quantity);
    }

    /// <summary>Each value that is damaged must be noticed, and no other.</summary>
    [Theory]
    [InlineData("ascl_loss_small", "leaked.linf.normalized.tau0.2.loss")]
    [InlineData("ascl_loss_lkinf", "leaked.lkinf.normalized.tau0.2.loss")]
    [InlineData("ascl_loss_small", "global.cosine.raw.tau0.07.grad")]
    [InlineData("ascl_loss_small", "hard.negatives")]
    [InlineData("objectives", "trades.beta6.loss")]
    [InlineData("objectives", "pgd-at.grad.adversarial.logits")]
    [InlineData("objectives", "adr.global_smoothness.loss")]
    [InlineData("smallcnn", "eval.logits")]
    [InlineData("smallcnn", "eval.input_grad_of_summed_cross_entropy")]
    [InlineData("smallcnn", "pgd.kl.cross_entropy_each")]
    [InlineData("smallcnn", "pgd.ce.adversarial")]
    [InlineData("smallcnn", "train.grad.classifier.fc3.weight")]
    [InlineData("ascl_training", "loss.contrastive")]
    [InlineData("two_views", "ascl.views.same-view.loss")]
    [InlineData("recent_objectives", "mart.beta5.loss")]
    [InlineData("recent_objectives", "score.smoothing0.1.grad.natural.logits")]
    [InlineData("training_awp", "after.layer1.0.conv2.weight")]
    [InlineData("training_awp", "after.bn1.running_mean")]
    [InlineData("training_ema", "average.bn1.running_var")]
    [InlineData("training_linear", "after.conv1.weight")]
    [InlineData("training_hat", "after.bn1.running_mean")]
    [InlineData("recent_objectives", "hat.weight0.25.loss")]
    [InlineData("recent_objectives", "ikl.beta5.grad.adversarial.logits")]
    [InlineData("autoattack", "apgd-ce.losses")]
    [InlineData("autoattack", "apgd-t.losses")]
    [InlineData("autoattack", "pma.margins")]
    [InlineData("autoattack", "fab-t.sizes")]
    [InlineData("autoattack", "square.margins")]
    public void ADamagedValueFails(string name, string quantity)
    {
        string path = Damaged(name, quantity);
        using CpuDevice device = new(2);
        Assert.Equal([quantity], GoldenFile.Verify(device, path).Where(c => !c.Passed).Select(c => c.Quantity).Distinct());
    }

    [Fact]
    public void AFileOfAnotherKindIsAUserError()
    {
        string path = Path.Combine(directory.FullName, "other.safetensors");
        SafetensorsWriter writer = new();
        writer.Add<float>("something", [1], [1]);
        writer.Save(path);
        using CpuDevice device = new(1);
        string message = Assert.Throws<UserErrorException>(() => GoldenFile.Verify(device, path)).Message;
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains("not a golden file", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileIsAUserError()
    {
        using CpuDevice device = new(1);
        Assert.Throws<UserErrorException>(() => GoldenFile.Verify(device, Path.Combine(directory.FullName, "none.safetensors")));
    }

    [Fact]
    public void NaNErrorsFail() => Assert.False(new GoldenCheck("a", double.NaN, 1, "").Passed);

    /// <summary>A copy of a golden file, in which a quantity's every byte that makes a number's sign and exponent is another.</summary>
    private string Damaged(string name, string quantity)
    {
        byte[] file = File.ReadAllBytes(Made.Fixture($"{name}.safetensors"));
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, header));
        JsonElement entry = json.RootElement.GetProperty(quantity);
        int from = 8 + header + entry.GetProperty("data_offsets")[0].GetInt32();
        int to = 8 + header + entry.GetProperty("data_offsets")[1].GetInt32();
        bool integers = entry.GetProperty("dtype").GetString()!.StartsWith('I');
        int size = entry.GetProperty("dtype").GetString()!.EndsWith("64", StringComparison.Ordinal) ? 8 : 4;
        for (int at = from; at < to; at += size)
            file[integers ? at : at + size - 1] ^= 0x01;
        string path = Path.Combine(directory.FullName, $"{name}.safetensors");
        File.WriteAllBytes(path, file);
        return path;
    }
}
