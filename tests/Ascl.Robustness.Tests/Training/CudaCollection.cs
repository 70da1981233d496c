using Ascl.Testing;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Alone: a group of the simulated GPU is 256 threads that spin, which other tests' threads and garbage collections would wait for.</summary>
[CollectionDefinition(TestGpu.Collection, DisableParallelization = true)]
public sealed class CudaCollection;
