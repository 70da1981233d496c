namespace Ascl.Architecture.Tests;

/// <summary>Holds every rule about files against the whole project, and every rule against an example that breaks it.</summary>
public sealed class FileRulesTests
{
    private delegate IEnumerable<Violation> Rule(SourceFile file);

    private static readonly Dictionary<string, Rule> Rules = new Rule[]
    {
        FileRules.GpuTypesStayInTheirFiles, FileRules.NativeImportsStayInNative, FileRules.LibrariesStayInTheirPlaces,
        FileRules.DevicesArePickedInOnePlace, FileRules.OneFileReadsTheEnvironment, FileRules.FilesStayShort, FileRules.LinesStayShort,
        FileRules.NothingIsLeftForLater, FileRules.NamesSayWhatAThingIs, FileRules.NamespacesMatchFolders,
    }.ToDictionary(rule => rule.Method.Name);

    public static TheoryData<string> RuleNames { get; } = [.. Rules.Keys];

    [Theory, MemberData(nameof(RuleNames))]
    public void EveryFileObeysTheRule(string rule)
    {
        Assert.True(SourceTree.Code.Count > 100, $"only {SourceTree.Code.Count} source files under {SourceTree.Root}");
        string[] violations = [.. SourceTree.Code.SelectMany(file => Rules[rule](file)).Select(violation => violation.ToString())];
        Assert.True(violations.Length == 0, $"{rule}: {violations.Length} violations\n{string.Join('\n', violations)}");
    }

    [Theory]
    [InlineData("GpuTypesStayInTheirFiles", "src/Ascl.Kernels/Gemm/GemmKernels.cs", "using ILGPU;")]
    [InlineData("GpuTypesStayInTheirFiles", "src/Ascl.Autograd/Tensor.cs", "using Accelerator = ILGPU.Runtime.Accelerator;")]
    [InlineData("GpuTypesStayInTheirFiles", "src/Ascl.Kernels/Devices/Device.cs", "    private ILGPU.Context context;")]
    [InlineData("NativeImportsStayInNative", "src/Ascl.Kernels/Devices/WorkerTeam.cs", "    [DllImport(\"libc\")]")]
    [InlineData("NativeImportsStayInNative", "src/Ascl.Cli/Program.cs", "    [LibraryImport(\"libc\")]")]
    [InlineData("LibrariesStayInTheirPlaces", "src/Ascl.Models/Classifier.cs", "using Microsoft.ML.OnnxRuntime;")]
    [InlineData("LibrariesStayInTheirPlaces", "src/Ascl.Core/Files/AtomicFile.cs", "using Google.Protobuf;")]
    [InlineData("LibrariesStayInTheirPlaces", "src/Ascl.Data/Sources/ImageDecoder.cs", "using JpegLibrary;")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Reduce/ReduceKernels.cs", "        if (x.Device is CudaDevice cuda)")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Reduce/ReduceKernels.cs", "        if (x.Device is not CpuDevice)")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Reduce/ReduceKernels.Cpu.cs", "        ((CpuDevice)x.Device).For(n, Row);")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Reduce/ReduceKernels.cs",
        "        Span<float> v = ((CpuBuffer<float>)x).Span;")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Robustness/Attacks/PgdAttack.cs", "        CpuDevice? cpu = device as CpuDevice;")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Models/Classifier.cs", "            CudaDevice gpu => 1,")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Models/Classifier.cs", "            CudaDevice gpu when gpu.Precision > 0 => 1,")]
    [InlineData("OneFileReadsTheEnvironment", "src/Ascl.Cli/Program.cs", "string? home = Environment.GetEnvironmentVariable(\"HOME\");")]
    [InlineData("NothingIsLeftForLater", "src/Ascl.Cli/Program.cs", "    // TODO: the rest")]
    [InlineData("NamesSayWhatAThingIs", "src/Ascl.Data/ImageHelpers.cs", "")]
    [InlineData("NamesSayWhatAThingIs", "src/Ascl.Data/Utils/Image.cs", "")]
    [InlineData("NamesSayWhatAThingIs", "src/Ascl.Data/Image.cs", "internal static class ImageManager")]
    [InlineData("NamespacesMatchFolders", "src/Ascl.Data/Sources/Crc32.cs", "namespace Ascl.Data;")]
    [InlineData("NamespacesMatchFolders", "src/Ascl.Data/Sources/Crc32.cs", "namespace Ascl.Data.Sources")]
    [InlineData("NamespacesMatchFolders", "src/Ascl.Data/Sources/Crc32.cs", "class Crc32;")]
    public void ReportsAViolation(string rule, string path, string line)
    {
        Violation violation = Assert.Single(Rules[rule](new SourceFile(path, [line])));
        Assert.StartsWith($"{path}:1: ", violation.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GpuTypesStayInTheirFiles", "src/Ascl.Kernels/Gemm/GemmKernels.Cuda.cs", "using ILGPU;")]
    [InlineData("GpuTypesStayInTheirFiles", "src/Ascl.Kernels/Gemm/GemmKernels.cs", "    // ILGPU.Runtime would unroll this.")]
    [InlineData("NativeImportsStayInNative", "src/Ascl.Kernels/Linux/LinuxMemory.cs", "    [LibraryImport(\"libc\")]")]
    [InlineData("LibrariesStayInTheirPlaces", "src/Ascl.OnnxRuntime/OnnxNetwork.cs", "using Microsoft.ML.OnnxRuntime;")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Dispatch/DeviceKernel.cs",
        "        if (device is CudaDevice gpu && cuda is not null)")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Reduce/ReduceKernels.cs", "        void OnCpu(CpuDevice cpu)")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Kernels/Reduce/ReduceKernels.cs", "            cuda => CudaDevice.View(x),")]
    [InlineData("DevicesArePickedInOnePlace", "src/Ascl.Cli/Verbs/BenchVerb.cs",
        "        string place = device is CpuDevice cpu ? cpu.Name : device.Name;")]
    [InlineData("NamesSayWhatAThingIs", "src/Ascl.Data/Image.cs", "    ServiceManager? given = null;")]
    [InlineData("NamespacesMatchFolders", "src/Ascl.Data/Sources/Crc32.cs", "namespace Ascl.Data.Sources;")]
    [InlineData("NamespacesMatchFolders", "scripts/make-sample.cs", "return 0;")]
    public void AcceptsAllowedLines(string rule, string path, string line) => Assert.Empty(Rules[rule](new SourceFile(path, [line])));

    [Fact]
    public void LongFilesAreFound()
    {
        string[] tooMany = new string[FileRules.MaxLines];
        Assert.Single(FileRules.FilesStayShort(new SourceFile("src/Ascl.Data/Long.cs", tooMany)));
        Assert.Empty(FileRules.FilesStayShort(new SourceFile("src/Ascl.Data/Long.cs", tooMany[1..])));
        Assert.Empty(FileRules.FilesStayShort(new SourceFile(FileRules.Generated[0], tooMany)));
    }

    [Fact]
    public void LongLinesAreFound()
    {
        string longest = new('x', FileRules.MaxColumns);
        Assert.Empty(FileRules.LinesStayShort(new SourceFile("src/Ascl.Data/Wide.cs", [longest])));
        Violation violation = Assert.Single(FileRules.LinesStayShort(new SourceFile("src/Ascl.Data/Wide.cs", ["", longest + "x"])));
        Assert.StartsWith("src/Ascl.Data/Wide.cs:2: 141 characters", violation.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ProcessEnvironmentReadsTheEnvironment() =>
        Assert.Contains(SourceTree.Code, file => file.Name == "ProcessEnvironment.cs"
            && file.Lines.Any(line => line.Contains("GetEnvironmentVariable", StringComparison.Ordinal)));
}
