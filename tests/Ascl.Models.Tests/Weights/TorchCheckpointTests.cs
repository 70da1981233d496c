using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;

namespace Ascl.Models.Tests.Weights;

/// <summary>Checkpoints as PyTorch 1.13 writes them, all of the network whose logits are in wrn-10-1.safetensors.</summary>
public sealed class TorchCheckpointTests : IDisposable
{
    private readonly CpuDevice device = new(1);
    private readonly List<string> notes = [];

    public void Dispose() => device.Dispose();

    [Theory]
    [InlineData("plain.pt", 1e-5f)]
    [InlineData("parameters.pt", 1e-5f)]
    [InlineData("views.pt", 1e-5f)]
    [InlineData("legacy.pt", 1e-5f)]
    [InlineData("training.pth", 1e-5f)]
    [InlineData("ema.pt#ema_model_state_dict", 1e-5f)]
    [InlineData("half.pt", 2e-3f)]
    [InlineData("bfloat16.pt", 2e-2f)]
    public void LogitsAreThoseOfTheNetworkThatWasSaved(string name, float tolerance)
    {
        using SafetensorsFile golden = SafetensorsFile.Open(Made.Fixture("wrn-10-1"));
        Classifier model = Load(name, "wrn-10-1");
        Tensor images = Tensor.FromArray(device, new(golden.Shape("images")), golden.ReadFloats("images"));
        float[] logits = model.Forward(images, ForwardMode.Inference).Logits.ToArray(), wanted = golden.ReadFloats("eval.logits");
        float largest = wanted.Max(MathF.Abs);
        Assert.All(wanted.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, tolerance * largest));
    }

    [Fact]
    public void TheCheckpointsOwnNameOfTheNetworkAndTheSetThatWasReadAreSaid()
    {
        Assert.Equal("wrn-10-1", Load("training.pth", null).Spec.Network);
        Assert.Contains(notes, note => note.EndsWith("it says it is of wrn-10-1", StringComparison.Ordinal));
        Assert.Contains(notes, note => note.EndsWith("its weights 'state_dict.module' are read", StringComparison.Ordinal));
    }

    [Fact]
    public void ANormalizationInFrontOfTheNetworkIsTaken()
    {
        Classifier model = Load("sequential.pt", "wrn-10-1");
        Assert.Equal(3, model.Spec.Mean.Length);
        Assert.Contains(notes, note => note.Contains("of its tensors '0.mean' and '0.std'", StringComparison.Ordinal));
    }

    [Fact]
    public void SetsThatDifferAreAskedFor()
    {
        string message = Assert.Throws<UserErrorException>(() => Load("ema.pt", "wrn-10-1")).Message;
        Assert.Contains("ema.pt#ema_model_state_dict", message, StringComparison.Ordinal);
        Assert.Contains("ema.pt#model_state_dict", message, StringComparison.Ordinal);
    }

    private Classifier Load(string name, string? network) => ClassifierFile.Load(
        device, Path.Combine(AppContext.BaseDirectory, "fixtures", "torch", name), new() { Network = network, Note = notes.Add });
}
