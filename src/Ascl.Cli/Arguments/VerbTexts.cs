using Ascl.Kernels.Devices;

namespace Ascl.Cli.Arguments;

/// <summary>Help texts that several verbs share.</summary>
internal static class VerbTexts
{
    public const string Device = "Device to compute on: auto, cpu, cuda or cuda:NUMBER (ascl devices lists them).";
    public const string CudaGraphs =
        "Whether a GPU launches the kernels of an attack iteration or a training step as one CUDA graph: faster, with the same bits.";
    public const string Mpi =
        "Under mpirun, mpiexec or srun: the MPI library, if it is not found by itself, or off for processes that do not work together.";

    public const string MpiTimeout =
        "Under mpirun, mpiexec or srun: seconds without a message from another process after which it is named and all end, from 1 to "
            + "86400. Longer where one process may load data or write files for minutes while the others wait.";
}
