using Ascl.Testing;

namespace Ascl.Autograd.Tests;

/// <summary>One test after another: a device is driven by one thread.</summary>
[CollectionDefinition(TestGpu.Collection, DisableParallelization = true)]
public sealed class CudaCollection;
