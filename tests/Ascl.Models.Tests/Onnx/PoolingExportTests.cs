using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.OnnxRuntime;
using Ascl.Testing;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Poolings with every setting, in ONNX Runtime as here: that tells too whether both count windows and pixels alike.</summary>
public sealed class PoolingExportTests
{
    public static TheoryData<Window2d> Windows { get; } = new()
    {
        new Window2d(3, 3, 2, 2, 1, 1, 1, 1), new Window2d(2, 3, 3, 2, 0, 2, 1, 1), new Window2d(3, 2, 2, 3, 1, 0, 0, 1, 2, 3),
        new Window2d(4, 4, 4, 4),
    };

    [Theory, MemberData(nameof(Windows))]
    public void OnnxRuntimePoolsTheSame(Window2d window)
    {
        using CpuDevice device = new(1);
        foreach (bool ceilMode in new[] { false, true })
        {
            Compare($"max {window} {ceilMode}", x => x.MaxPool2d(window, ceilMode).GlobalAveragePool());
            Compare($"mean {window} {ceilMode}", x => x.AveragePool2d(window, ceilMode).GlobalAveragePool());
            Compare($"mean {window} {ceilMode}, padding counts", x => x.AveragePool2d(window, ceilMode, true).GlobalAveragePool());
        }
        Compare("global", x => x.GlobalMaxPool());

        void Compare(string what, Func<Tensor, Tensor> pool)
        {
            ClassifierSpec spec = new("pooled", 3, 5, [], []);
            Classifier model = new(device, spec, (parameters, settings) => new Pooled(parameters, settings, pool), seed: 1);
            Tensor images = Made.Images(device, 2, 3, 11);
            string path = Path.Combine(Path.GetTempPath(), $"ascl-pooled-{Environment.ProcessId}.onnx");
            try
            {
                OnnxExport.Save(path, model, []);
                float[] theirs = OnnxNetwork.Load(device, path).Forward(images, ForwardMode.Inference).Logits.ToArray();
                float[] ours = model.Forward(images, ForwardMode.Evaluate).Logits.ToArray();
                Tolerance.Close(Tolerance.ToDouble(ours), theirs, 1e-4, what);
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    private sealed class Pooled(ParameterSet parameters, NetworkSettings settings, Func<Tensor, Tensor> pool) : INetwork
    {
        private readonly ConvLayer conv =
            ConvLayer.WithNorm(parameters, "conv", "bn", settings.Channels, 9, kernel: 3, stride: 1, padding: 1);
        private readonly LinearLayer linear = new(parameters, "linear", 9, settings.Classes);

        public int LatentSize => 9;
        public string HeadPrefix => "linear.";
        public (int Height, int Width)? ImageSize => (11, 11);

        public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
        {
            Tensor latent = pool(conv.Forward(x, mode));
            return new(latent, linear.Forward(latent));
        }
    }
}
