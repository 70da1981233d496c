using Ascl.Kernels.Devices;

namespace Ascl.Cli.Arguments;

/// <summary>Lists of names that stand in the help of several verbs.</summary>
internal static class VerbTexts
{
    public const string OfRun = " By default as in the run.";
    public const string Device = "What to compute on: auto, cpu, cuda or cuda:NUMBER (ascl devices lists them).";
    public const string CudaGraphs =
        "Whether a GPU starts all kernels of an attack's iteration, or of a training step's passes, at once. The results are the same bits.";
}
