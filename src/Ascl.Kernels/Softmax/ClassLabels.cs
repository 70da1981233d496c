using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Softmax;

/// <summary>Checks of labels that a kernel will index logits by.</summary>
internal static unsafe class ClassLabels
{
    /// <summary>Labels on a GPU are not read here, which would mean waiting for it: its kernels write NaN instead.</summary>
    /// <exception cref="ArgumentException">A label is no class.</exception>
    public static void Check(string name, int classes, DeviceBuffer<int> labels)
    {
        for (int i = 0; labels.Device is CpuDevice && i < labels.Length; i++)
            if ((uint)CpuDevice.Pointer(labels)[i] >= (uint)classes)
                throw new ArgumentException($"{name}: row {i} has label {CpuDevice.Pointer(labels)[i]}, there are {classes} classes");
    }
}
