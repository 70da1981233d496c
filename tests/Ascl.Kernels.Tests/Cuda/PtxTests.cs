using System.Reflection;
using Ascl.Testing.Ptx;
using ILGPU.Runtime.Cuda;
using Xunit.Abstractions;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>Every CUDA kernel compiles, without a GPU, to code in which there is nothing that would not load or not be fast.</summary>
public sealed class PtxTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, MethodInfo> ByName = CudaKernels.All().ToDictionary(CudaKernels.Name);

    public static TheoryData<string> Kernels { get; } = new(ByName.Keys);

    [Theory, MemberData(nameof(Kernels))]
    public void CompilesToPtxWithoutForbiddenInstructions(string name)
    {
        foreach (CudaArchitecture architecture in new[] { CudaArchitecture.SM_80, CudaArchitecture.SM_90 })
        {
            string ptx = PtxCompiler.Compile(ByName[name], architecture);
            Assert.Contains($".target {architecture.ToString().ToLowerInvariant()}", ptx, StringComparison.Ordinal);
            Assert.Equal([], PtxCompiler.Complaints(ptx));
        }
    }

    /// <summary>NVIDIA's assembler takes it, and it runs in registers.</summary>
    [PtxasTheory, MemberData(nameof(Kernels))]
    public void AssemblesWithoutSpills(string name)
    {
        foreach (CudaArchitecture architecture in new[] { CudaArchitecture.SM_80, CudaArchitecture.SM_90 })
        {
            string target = architecture.ToString().ToLowerInvariant();
            KernelResources needed = PtxAssembler.Assemble(PtxCompiler.Compile(ByName[name], architecture), target);
            output.WriteLine(
                $"{target} {name}: {needed.Registers} registers, {needed.SharedBytes} bytes shared, {needed.Stack} "
                + $"stack, {needed.Spills} spilled");
            Assert.Equal((0, 0), (needed.Stack, needed.Spills));
        }
    }

    [Fact]
    public void FormulasReadFourFloatsAtOnce()
    {
        string ptx = PtxCompiler.Compile(ByName["Elementwise.Map(AddScaledFormula)"], CudaArchitecture.SM_90);
        Assert.Matches(@"ld\.global\.v4\.(f|b)32", ptx);
        Assert.Matches(@"st\.global\.v4\.(f|b)32", ptx);
    }

    [Theory]
    [InlineData(".extern .func (.param .b32 r) fma();", "undefined")]
    [InlineData("call.uni (r), f, (a);", "call")]
    [InlineData("st.local.b32 [%rd1], %r1;", "local")]
    [InlineData("add.f64 %fd1, %fd2, %fd3;", "double")]
    [InlineData("@%p12 bra.uni L_4;", "uniform")]
    [InlineData("brx.idx.uni %r1, table;", "table")]
    [InlineData("rem.s32 %r1, %r2, %r3;", "division")]
    public void ForbiddenInstructionsAreFound(string line, string complaint) =>
        Assert.Contains(complaint, Assert.Single(PtxCompiler.Complaints(line)), StringComparison.Ordinal);
}
