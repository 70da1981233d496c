using System.Text.RegularExpressions;

namespace Ascl.Architecture.Tests;

/// <summary>The house's rules about one source file, each giving the places that break it.</summary>
internal static partial class FileRules
{
    public const int MaxLines = 420;
    public const int MaxColumns = 140;

    /// <summary>Files written by a program that stands beside them; they may be long.</summary>
    public static IReadOnlyList<string> Generated { get; } = ["src/Ascl.Kernels/Gemm/MicroKernels.cs"];

    private const string EnvironmentReader = "src/Ascl.Core/Diagnostics/ProcessEnvironment.cs";

    /// <summary>The driver, and code that only runs on a GPU.</summary>
    private static readonly string[] Gpu = ["src/Ascl.Kernels/Cuda", "src/Ascl.Kernels/GpuCode"];

    /// <summary>Where functions of the driver and the operating system are imported.</summary>
    private static readonly string[] Imports = ["src/Ascl.Kernels/Cuda", "src/Ascl.Kernels/Linux", "src/Ascl.Distributed/Mpi"];

    /// <summary>What knows the two kinds of device.</summary>
    private static readonly string[] DevicePlaces = ["src/Ascl.Kernels/Dispatch", "src/Ascl.Kernels/Devices", "src/Ascl.Kernels/Cuda"];

    private static readonly Dictionary<string, string> PlaceOfLibrary = new()
    {
        ["Microsoft.ML.OnnxRuntime"] = "src/Ascl.OnnxRuntime/",
        ["Google.Protobuf"] = "src/Ascl.Core/Files/Protobuf",
        ["JpegLibrary"] = "src/Ascl.Data/Sources/JpegFile.cs",
        ["ADRaffy.ENSNormalize"] = "src/Ascl.Data/ComposedText.cs",
        ["OxyPlot"] = "src/Ascl.Robustness/Reporting/Chart.cs",
        ["MathNet"] = "src/Ascl.Robustness/Comparison/PairedDifferences.cs",
    };

    /// <summary>Programs of one file, run by <c>dotnet run FILE</c>, and samples have top-level statements and no namespace.</summary>
    private static bool IsProgram(SourceFile file) =>
        file.IsIn("scripts") || file.IsIn("samples") || file.Name.StartsWith("generate-", StringComparison.Ordinal);

    /// <summary>The rules' own words and examples are no violations.</summary>
    private static bool StatesTheRules(SourceFile file) => file.IsIn("tests/Ascl.Architecture.Tests");

    public static IEnumerable<Violation> GpuTypesStayInTheirFiles(SourceFile file) =>
        !file.IsIn("src") || Gpu.Any(file.IsIn) || file.Name.EndsWith(".Cuda.cs", StringComparison.Ordinal)
            ? []
            : Lines(file, IlgpuType(), _ => "ILGPU types belong in *.Cuda.cs, Cuda/ or GpuCode/");

    public static IEnumerable<Violation> NativeImportsStayInNative(SourceFile file) =>
        Imports.Any(file.IsIn) ? [] : Lines(file, NativeImport(), match => $"{match.Groups[1]} belongs in {string.Join(" or ", Imports)}");

    /// <summary>A library of one purpose has one place: the rest of the project speaks to that.</summary>
    public static IEnumerable<Violation> LibrariesStayInTheirPlaces(SourceFile file) =>
        PlaceOfLibrary.Where(entry => file.IsIn("src") && !file.Path.StartsWith(entry.Value, StringComparison.Ordinal))
            .SelectMany(entry => Lines(
                file, new Regex($@"^(?!\s*//).*\b{Regex.Escape(entry.Key)}\b"), _ => $"{entry.Key} belongs in {entry.Value}"));

    /// <summary>
    /// Kernels get their device from <c>DeviceKernel.Run</c>; the command line, which opens devices, may ask which kind it has.
    /// </summary>
    public static IEnumerable<Violation> DevicesArePickedInOnePlace(SourceFile file) =>
        !file.IsIn("src") || file.IsIn("src/Ascl.Cli") || DevicePlaces.Any(file.IsIn)
            ? []
            : Lines(
                file, DeviceType(),
                _ => $"the kind of a device is asked only in {string.Join(", ", DevicePlaces)}: call DeviceKernel.Run or ReadBack");

    public static IEnumerable<Violation> OneFileReadsTheEnvironment(SourceFile file) =>
        file.Path == EnvironmentReader || file.IsIn("tests")
            ? []
            : Lines(file, EnvironmentRead(), _ => $"the environment is read only in {EnvironmentReader}");

    public static IEnumerable<Violation> FilesStayShort(SourceFile file) =>
        file.Lines.Length < MaxLines || Generated.Contains(file.Path)
            ? []
            : [new(file.Path, file.Lines.Length, $"{file.Lines.Length} lines; a file has fewer than {MaxLines}: split it by subject")];

    public static IEnumerable<Violation> LinesStayShort(SourceFile file) =>
        from line in file.Lines.Index()
        where line.Item.Length > MaxColumns
        select new Violation(file.Path, line.Index + 1, $"{line.Item.Length} characters; a line has at most {MaxColumns}: break it");

    public static IEnumerable<Violation> NothingIsLeftForLater(SourceFile file) =>
        Lines(file, LeftForLater(), match => $"'{match.Value}': do it now, or leave it out");

    public static IEnumerable<Violation> NamesSayWhatAThingIs(SourceFile file)
    {
        const string advice = "says nothing: name it by what it is or does";
        foreach (string part in file.Path.Split('/'))
            if (EmptyWord().IsMatch(part))
                yield return new(file.Path, 1, $"the name '{part}' {advice}");
        foreach (Violation violation in Lines(file, EmptyTypeName(), match => $"the name '{match.Groups[2]}' {advice}"))
            yield return violation;
    }

    public static IEnumerable<Violation> NamespacesMatchFolders(SourceFile file)
    {
        if (IsProgram(file) || file.Name == "Usings.cs")
            yield break;
        string expected = string.Join('.', file.Folder.Split('/').Skip(1));
        int line = Array.FindIndex(file.Lines, text => text.StartsWith("namespace ", StringComparison.Ordinal));
        if (line < 0)
            yield return new(file.Path, 1, $"no namespace; the folder asks for 'namespace {expected};'");
        else if (file.Lines[line].TrimEnd() != $"namespace {expected};")
            yield return new(file.Path, line + 1, $"'{file.Lines[line]}'; the folder asks for 'namespace {expected};'");
    }

    private static IEnumerable<Violation> Lines(SourceFile file, Regex pattern, Func<Match, string> problem) =>
        StatesTheRules(file)
            ? []
            : from line in file.Lines.Index()
              let match = pattern.Match(line.Item)
              where match.Success
              select new Violation(file.Path, line.Index + 1, problem(match));

    [GeneratedRegex(@"^(?!\s*//).*(\busing\s+(static\s+)?(\w+\s*=\s*)?(global::)?ILGPU\b|\bILGPU\.\w)")]
    private static partial Regex IlgpuType();

    [GeneratedRegex(@"^(?!\s*//).*\b(DllImport|LibraryImport)\b")]
    private static partial Regex NativeImport();

    /// <summary>A type test, a cast or a pattern of a switch.</summary>
    [GeneratedRegex(
        @"^(?!\s*//).*(\b(is|as|case)\s+(not\s+)?(Cpu|Cuda)(Device|Buffer)\b|\(\s*(Cpu|Cuda)(Device|Buffer)(<\w+>)?\s*\)\s*[\w(]|"
        + @"^\s*(Cpu|Cuda)(Device|Buffer)(<\w+>)?(\s+\w+)?(\s+when\s.*)?\s*=>)")]
    private static partial Regex DeviceType();

    [GeneratedRegex(@"^(?!\s*//).*\b(GetEnvironmentVariables?|ExpandEnvironmentVariables)\b")]
    private static partial Regex EnvironmentRead();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex LeftForLater();

    [GeneratedRegex(@"(Helper|Manager|Utils|Utilities)(s?\b|[A-Z.])")]
    private static partial Regex EmptyWord();

    [GeneratedRegex(@"^(?!\s*//).*\b(class|struct|record|interface|enum|delegate)\b[^;={(]*?\b(\w*(Helper|Manager|Utils|Utilities)s?\w*)")]
    private static partial Regex EmptyTypeName();
}
