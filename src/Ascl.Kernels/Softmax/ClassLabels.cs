using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Softmax;

/// <summary>Class labels that a CPU kernel indexes logits by.</summary>
internal static unsafe class ClassLabels
{
    /// <summary>
    /// The memory of <paramref name="labels"/>, after a check that every one is in 0…<paramref name="classes"/>−1. CUDA kernels do not
    /// check, because the host would have to wait for the labels; they write NaN for a label out of range.
    /// </summary>
    /// <exception cref="ArgumentException">A label is out of range; the message names the row.</exception>
    public static int* Checked(string name, int classes, DeviceBuffer<int> labels)
    {
        int* values = CpuDevice.Pointer(labels);
        for (int i = 0; i < labels.Length; i++)
            if ((uint)values[i] >= (uint)classes)
                throw new ArgumentException($"{name}: row {i} has label {values[i]}, there are {classes} classes");
        return values;
    }
}
