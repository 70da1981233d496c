using System.Collections.Concurrent;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.AxisMaps;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;

namespace Ascl.Models.Onnx.Import;

/// <summary>A network whose layers are the nodes of an ONNX graph.</summary>
internal sealed class OnnxGraphNetwork : INetwork
{
    /// <summary>Sizes tried for the first pass where the graph takes any.</summary>
    private static readonly int[] TriedSizes = [32, 64, 224];

    private readonly OnnxModel model;
    private readonly OnnxHead head;

    /// <summary>Batch size that the graph fixes; null for any.</summary>
    private readonly int? batch;

    /// <summary>Plans by the shape of the images.</summary>
    private readonly ConcurrentDictionary<Shape, OnnxPlan> plans = [];

    /// <summary>Pieces of a batch of another size than the fixed one: by its images and the piece.</summary>
    private readonly ConcurrentDictionary<(int Count, int First), AxisMap> pieces = [];

    private OnnxGraphNetwork(OnnxModel model, OnnxHead head, int? batch, (int, int)? imageSize, int classes, int latentSize)
    {
        (this.model, this.head, this.batch) = (model, head, batch);
        (ImageSize, Classes, LatentSize) = (imageSize, classes, latentSize);
        IsStochastic = Array.Exists(model.Nodes, OnnxFindings.IsRandom);
    }

    /// <summary>Number of logits.</summary>
    public int Classes { get; }

    public int LatentSize { get; }

    public string HeadPrefix => head.Prefix;

    public (int Height, int Width)? ImageSize { get; }

    public bool IsStochastic { get; }

    /// <summary>Random numbers are drawn in the order of the passes.</summary>
    public bool RunsInPieces => !IsStochastic;

    /// <summary>The file's graph, to be written again; null while it is tried.</summary>
    public OnnxSource? Source { get; private init; }

    /// <summary>The same network with other weights.</summary>
    public OnnxGraphNetwork With(OnnxModel other, OnnxSource source) =>
        new(other, head, batch, ImageSize, Classes, LatentSize) { Source = source with { Batch = batch } };

    /// <summary>A network whose batch size, number of logits and of latents are found out by a first pass.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="device">Device to compute on.</param>
    /// <param name="head">The graph's results.</param>
    /// <param name="images">Sizes of the images as far as the file says them; a batch size below 1 is free.</param>
    /// <exception cref="UserErrorException">The graph cannot be computed, or gives no logits.</exception>
    public static OnnxGraphNetwork Probed(OnnxModel model, Device device, OnnxHead head, (int Batch, int Channels, (int, int)? Size) images)
    {
        using IDisposable scope = device.Pool.BeginScope();
        int count = images.Batch > 0 ? images.Batch : 2;
        foreach (int side in images.Size is null ? TriedSizes : [0])
        {
            var (height, width) = images.Size ?? (side, side);
            Tensor x = Noise(device, Operators.Sizing.Checked(new(count, images.Channels, height, width)));
            OnnxValue[] results;
            try
            {
                results = new OnnxPass(model, new(), ForwardMode.Inference, device).Run(x, [head.Logits, head.Latent]);
            }
            catch (UserErrorException) when (images.Size is null && side != TriedSizes[^1])
            {
                continue;
            }
            if (results[0] is not { Tensor: { } logits, Shape: { Rank: 2 } shape } || shape[0] != count || shape[1] < 2)
            {
                throw new UserErrorException($"{model.Path}: logits [N, classes] are needed, its output '{head.Logits}' is "
                    + $"{results[0].Shape} for {count} images");
            }
            bool isLatent = results[1].Tensor is { } latent && latent.Shape.Rank == 2 && latent.Shape[0] == count;
            OnnxHead kept = isLatent ? head : head with { Latent = head.Logits };
            int? batch = images.Batch > 0 && !TakesOtherBatches(model, device, head, x, logits) ? images.Batch : null;
            return new(model, kept, batch, images.Size, shape[1], isLatent ? results[1].Shape[1] : shape[1]);
        }
        throw new InvalidOperationException("no size was tried");
    }

    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        if (batch is not { } fixedSize || x.Shape[0] == fixedSize)
            return Output(x, mode, stage);
        // The last piece is filled up with the first image.
        int count = x.Shape[0];
        Tensor plain = x.ToPlain();
        List<Tensor> latents = [], logits = [];
        List<(string Name, List<Tensor> Pieces)> stages = [];
        for (int first = 0; first < count; first += fixedSize)
        {
            AxisMap piece = pieces.GetOrAdd((count, first), at =>
                AxisMap.Select(at.Count, [.. Enumerable.Range(at.First, fixedSize).Select(row => row < at.Count ? row : 0)]));
            int next = 0;
            ModelOutput output = Output(plain.MapAxis(0, piece), mode, stage is null ? null : (name, value) =>
            {
                if (stages.Count == next)
                    stages.Add((name, []));
                stages[next++].Pieces.Add(value.ToPlain());
            });
            latents.Add(output.Latent);
            logits.Add(output.Logits);
        }
        foreach (var (name, parts) in stages)
            stage!(name, Joined(parts, count).ToActivation());
        return new(Joined(latents, count), Joined(logits, count));
    }

    /// <summary>Pieces of a batch put together, without the images that filled up the last.</summary>
    private static Tensor Joined(List<Tensor> parts, int count)
    {
        Tensor all = ShapeOps.Concat(parts, 0);
        Shape shape = new([count, .. all.Shape.Sizes[1..]]);
        return all.Reshape(new(all.Shape[0], all.Shape.Length / all.Shape[0])).Rows(0, count).Reshape(shape);
    }

    private ModelOutput Output(Tensor x, ForwardMode mode, Action<string, Tensor>? stage)
    {
        OnnxPlan plan = plans.GetOrAdd(x.Shape, _ => new());
        List<(OnnxNode, Tensor)> values = [];
        OnnxValue[] results = new OnnxPass(model, plan, mode, x.Device).Run(x, [head.Logits, head.Latent],
            stage is null ? null : (node, value) =>
            {
                if (OnnxStages.MayBe(node, value))
                    values.Add((node, value.Tensor!));
            });
        foreach (var (name, value) in OnnxStages.Of(values))
            stage!(name, value);
        return new(results[1].Tensor!.ToPlain(), results[0].Tensor!.ToPlain());
    }

    /// <summary>Whether a graph of a fixed batch size gives the same for a batch that is one larger.</summary>
    private static bool TakesOtherBatches(OnnxModel model, Device device, OnnxHead head, Tensor images, Tensor logits)
    {
        int count = images.Shape[0];
        Tensor more = images.MapAxis(0, AxisMap.Select(count, [.. Enumerable.Range(0, count), 0]));
        try
        {
            Tensor? all = new OnnxPass(model, new(), ForwardMode.Inference, device).Run(more, [head.Logits])[0].Tensor;
            if (all is null || all.Shape != new Shape(count + 1, logits.Shape[1]))
                return false;
            float[] expected = logits.ToArray(), found = all.ToArray();
            float largest = expected.Select(Math.Abs).Max();
            return expected.Concat(expected.Take(logits.Shape[1])).Zip(found)
                .All(pair => Math.Abs(pair.First - pair.Second) <= 1e-4f * largest);
        }
        catch (UserErrorException)
        {
            return false;
        }
    }

    /// <summary>Images that differ from each other.</summary>
    private static Tensor Noise(Device device, Shape shape)
    {
        float[] values = new float[shape.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = ((uint)i * 2654435761u >> 8) / (float)(1 << 24);
        return Tensor.FromArray(device, shape, values);
    }
}
