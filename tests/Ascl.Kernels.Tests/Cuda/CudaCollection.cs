using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>One test after another: a device is driven by one thread.</summary>
[CollectionDefinition(TestGpu.Collection, DisableParallelization = true)]
public sealed class CudaCollection;
