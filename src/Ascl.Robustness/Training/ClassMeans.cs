using Ascl.Autograd;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Training;

/// <summary>
/// For each class, the mean of softmax(o/T) over its natural images in the previous epoch: uniform in the first, and that of the epoch
/// before for a class without images. Every process adds up the whole batch's rows, so all have the same bits.
/// </summary>
public sealed class ClassMeans
{
    private const string TableName = "class-means.table", SumsName = "class-means.sums";
    private readonly int classes;
    private readonly double temperature;

    /// <summary>[k, k]: over this epoch's images of each class so far.</summary>
    private readonly double[] sums;

    /// <param name="device">Of the table.</param>
    /// <param name="classes">k.</param>
    /// <param name="temperature">T.</param>
    public ClassMeans(Device device, int classes, double temperature)
    {
        (this.classes, this.temperature, sums) = (classes, temperature, new double[classes * classes]);
        Table = Tensor.FromArray(device, new(classes, classes), [.. Enumerable.Repeat(1f / classes, classes * classes)]);
    }

    /// <summary>[k, k]: a row for each label.</summary>
    public Tensor Table { get; }

    /// <summary>Adds a step's natural images.</summary>
    /// <param name="logits">[n, k].</param>
    /// <param name="labels">[n].</param>
    public void Add(Tensor logits, DeviceBuffer<int> labels)
    {
        foreach (var (row, label) in logits.ToArray().Chunk(classes).Zip(labels.ToArray()))
        {
            double largest = row.Max();
            double[] exponentials = [.. row.Select(value => Math.Exp((value - largest) / temperature))];
            double sum = exponentials.Sum();
            for (int c = 0; c < classes; c++)
                sums[label * classes + c] += exponentials[c] / sum;
        }
    }

    /// <summary>Makes this epoch the previous one.</summary>
    public void EndEpoch()
    {
        float[] table = Table.ToArray();
        for (int label = 0; label < classes; label++)
        {
            Range row = (label * classes)..((label + 1) * classes);
            // Each image adds 1 to its row.
            double images = sums[row].Sum();
            for (int i = row.Start.Value; images > 0 && i < row.End.Value; i++)
                table[i] = (float)(sums[i] / images);
        }
        Table.Data.CopyFrom(table);
        Array.Clear(sums);
    }

    /// <summary>Adds table and sums to a state that is being saved.</summary>
    public void Save(SafetensorsWriter state)
    {
        state.Add(TableName, [classes, classes], Table.ToArray());
        state.Add(SumsName, [classes, classes], (double[])sums.Clone());
    }

    /// <summary>Restores what <see cref="Save"/> wrote.</summary>
    public void Load(SafetensorsFile state)
    {
        Table.Data.CopyFrom(state.ReadFloats(TableName));
        state.ReadDoubles(SumsName).CopyTo(sums, 0);
    }
}
