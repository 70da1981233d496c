using Ascl.Testing;
using Ascl.Testing.Ptx;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("Ascl.Kernels.Tests.Cuda.LastCollectionLast", "Ascl.Kernels.Tests")]

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>After all other tests of the assembly: every CUDA kernel has been executed by one of them.</summary>
[Collection(LastCollection.Name)]
public sealed class KernelCoverageTests
{
    [Fact]
    public void EveryKernelIsExecuted()
    {
        if (TestGpu.IsReal)
            return;
        Assert.Equal([], CudaKernels.All().Select(CudaKernels.Name).Except(PtxKernelLoader.Executed.Keys).Order());
    }
}

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LastCollection
{
    public const string Name = "last";
}

/// <summary>Runs <see cref="LastCollection"/> after the others.</summary>
public sealed class LastCollectionLast : ITestCollectionOrderer
{
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => collection.DisplayName == LastCollection.Name);
}
