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
}
