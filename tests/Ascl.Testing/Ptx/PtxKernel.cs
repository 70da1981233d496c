using System.Globalization;
using System.Text.RegularExpressions;

namespace Ascl.Testing.Ptx;

/// <summary>What a kernel did that no kernel may do, or that this interpreter does not know.</summary>
internal sealed class PtxException(string message) : Exception(message);

/// <summary>What an instruction does to the order of execution.</summary>
internal enum PtxFlow
{
    Next,
    Branch,
    IndexedBranch,
    Return,
    Barrier,
    BarrierOr,
    Shuffle,
}

/// <summary>A decoded instruction.</summary>
/// <param name="Text">As it stands in the kernel.</param>
/// <param name="Guard">Row of its predicate; −1 for none.</param>
/// <param name="GuardValue">Value of the predicate for which a lane takes part.</param>
/// <param name="Run">Its work on the lanes of a mask; null where there is only a flow.</param>
internal sealed record PtxInstruction(string Text, PtxFlow Flow, int Guard, bool GuardValue, bool IsUniform, Action<PtxWarp, uint>? Run)
{
    /// <summary>Numbers of the instructions that a branch goes to.</summary>
    public int[] Targets { get; set; } = [];

    /// <summary>Rows that the flow itself reads or writes.</summary>
    public int[] Rows { get; init; } = [];
}

/// <summary>
/// A kernel of a PTX module, decoded for execution. Registers, constants and special registers alike are rows of 32 values, one a lane.
/// </summary>
internal sealed partial class PtxKernel
{
    private readonly Dictionary<string, int> labels = [];
    private readonly Dictionary<string, int> rows = [];
    private readonly Dictionary<string, (int Offset, bool IsParameter)> symbols = [];
    private readonly List<PtxInstruction> code = [];
    private int declaredSharedBytes;

    private PtxKernel(string name) => Name = name;

    public string Name { get; set; }

    /// <summary>Bytes of the arguments.</summary>
    public int ParameterBytes { get; private set; }

    /// <summary>Bytes of shared memory: what the kernel declares, and what a launch adds.</summary>
    public int SharedBytes => declaredSharedBytes + DynamicSharedBytes;

    /// <summary>Bytes that a launch adds to the shared memory that the kernel declares.</summary>
    public int DynamicSharedBytes { get; set; }

    /// <summary>How often it has been launched.</summary>
    internal int Launches { get; set; }

    internal IReadOnlyList<PtxInstruction> Code => code;

    internal int RowCount => rows.Count;

    /// <summary>Rows that hold a constant.</summary>
    internal Dictionary<int, ulong> Constants { get; } = [];

    /// <summary>Rows that hold a special register, by its name.</summary>
    internal Dictionary<int, string> Specials { get; } = [];

    /// <summary>Where the lanes that a branch parts come together again: the branch's immediate post-dominator.</summary>
    internal int[] Reconvergence { get; private set; } = [];

    /// <summary>The kernels of a module.</summary>
    /// <exception cref="PtxException">An instruction is not known.</exception>
    public static IReadOnlyList<PtxKernel> Parse(string module)
    {
        string text = Comment().Replace(module, "");
        return [.. Entry().Matches(text).Select(entry => Decode(text, entry))];
    }

    private static PtxKernel Decode(string text, Match entry)
    {
        PtxKernel kernel = new(entry.Groups["name"].Value);
        foreach (Match parameter in Parameter().Matches(entry.Groups["parameters"].Value))
        {
            int size = parameter.Groups["bytes"].Success
                ? Number(parameter.Groups["bytes"].Value)
                : parameter.Groups["type"].Value.EndsWith("64", StringComparison.Ordinal)
                ? 8
                : 4;
            int align = parameter.Groups["align"].Success ? Number(parameter.Groups["align"].Value) : size;
            kernel.ParameterBytes = (kernel.ParameterBytes + align - 1) / align * align;
            kernel.symbols[parameter.Groups["name"].Value] = (kernel.ParameterBytes, true);
            kernel.ParameterBytes += size;
        }
        // What a launch adds; kernels that use it declare no other shared memory.
        foreach (Match dynamic in DynamicShared().Matches(text))
            kernel.symbols[dynamic.Groups[1].Value] = (0, false);
        int begin = entry.Index + entry.Length, end = begin;
        for (int depth = 1; depth > 0; end++)
            depth += text[end] == '{' ? 1 : text[end] == '}' ? -1 : 0;
        kernel.DecodeBody(text[begin..(end - 1)]);
        return kernel;
    }

    private void DecodeBody(string body)
    {
        Dictionary<string, string[]> tables = [];
        List<(int At, string Target)> targets = [];
        foreach (string piece in body.Split(';'))
        {
            string line = piece.Trim(), label = "";
            for (Match named = Label().Match(line); named.Success; named = Label().Match(line))
            {
                labels[label = named.Groups[1].Value] = code.Count;
                line = line[named.Length..].Trim();
            }
            if (line.StartsWith(".branchtargets", StringComparison.Ordinal))
                tables[label] = [.. line[".branchtargets".Length..].Split(',').Select(target => target.Trim())];
            else if (Shared().Match(line) is { Success: true } shared)
            {
                int align = Number(shared.Groups[1].Value);
                declaredSharedBytes = (declaredSharedBytes + align - 1) / align * align;
                symbols[shared.Groups[2].Value] = (declaredSharedBytes, false);
                declaredSharedBytes += Number(shared.Groups[3].Value);
            }
            else if (line.Length > 0 && line[0] != '.')
            {
                PtxInstruction instruction = DecodeLine(line, out string? target);
                if (target is not null)
                    targets.Add((code.Count, target));
                code.Add(instruction);
            }
        }
        foreach (var (at, target) in targets)
            code[at].Targets = code[at].Flow == PtxFlow.IndexedBranch ? [.. tables[target].Select(name => labels[name])] : [labels[target]];
        Reconvergence = PtxReconvergence.Of(code);
    }

    private PtxInstruction DecodeLine(string line, out string? target)
    {
        target = null;
        string rest = line;
        int guard = -1;
        bool guardValue = true;
        if (Guard().Match(line) is { Success: true } guarded)
        {
            (guard, guardValue) = (Row(guarded.Groups[2].Value), guarded.Groups[1].Length == 0);
            rest = line[guarded.Length..].Trim();
        }
        int space = rest.IndexOfAny([' ', '\t', '\n']);
        string name = space < 0 ? rest : rest[..space];
        string[] operands = space < 0 ? [] : Operands(rest[space..]);
        string[] parts = name.Split('.');
        bool isUniform = parts.Contains("uni");
        switch (parts[0])
        {
            case "bra":
                target = operands[0];
                return Made(PtxFlow.Branch);
            case "brx":
                target = operands[1];
                return Made(PtxFlow.IndexedBranch) with { Rows = [Row(operands[0])] };
            case "ret" or "exit":
                return Made(PtxFlow.Return);
            case "bar" when name == "bar.red.or.pred":
                return Made(PtxFlow.BarrierOr) with { Rows = [Row(operands[0]), Row(operands[2])] };
            case "bar" or "barrier":
                return name.StartsWith($"{parts[0]}.sync", StringComparison.Ordinal) ? Made(PtxFlow.Barrier) : throw Unknown();
            case "shfl":
                return Made(PtxFlow.Shuffle, Shuffle(name, operands));
            default:
                return Made(PtxFlow.Next,
                    PtxMemoryAccess.Of(this, name, operands, line) ?? PtxTensorCore.Of(this, name, operands, line)
                    ?? PtxArithmetic.Of(this, name, operands) ?? throw Unknown());
        }

        PtxInstruction Made(PtxFlow flow, Action<PtxWarp, uint>? run = null) => new(line, flow, guard, guardValue, isUniform, run);

        PtxException Unknown() => new($"{Name}: the interpreter does not know '{line}'");
    }

    /// <summary>shfl.sync.bfly of whole warps, which is what <c>Warp.ShuffleXor</c> becomes.</summary>
    private Action<PtxWarp, uint> Shuffle(string name, string[] operands)
    {
        if (name != "shfl.sync.bfly.b32")
            throw new PtxException($"{Name}: the interpreter does not know {name}");
        int to = Row(operands[0]), from = Row(operands[1]), distance = Row(operands[2]);
        return (warp, _) =>
        {
            ulong[] values = warp.Row(from).ToArray();
            Span<ulong> result = warp.Row(to), by = warp.Row(distance);
            for (int lane = 0; lane < PtxWarp.Lanes; lane++)
                result[lane] = values[lane ^ (int)by[lane]];
        };
    }

    /// <summary>The row of a register, constant, special register or symbol.</summary>
    internal int Row(string operand)
    {
        string name = operand.Trim();
        if (rows.TryGetValue(name, out int row))
            return row;
        rows[name] = row = rows.Count;
        if (name[0] == '%')
        {
            if (name.Contains('.') || name == "%laneid")
                Specials[row] = name;
        }
        else
        {
            Constants[row] = Constant(name);
        }
        return row;
    }

    private ulong Constant(string text) =>
        text.StartsWith("0f", StringComparison.OrdinalIgnoreCase)
            ? uint.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : text == "true" ? 1 : text == "false" ? 0
        : char.IsAsciiDigit(text[0]) ? ulong.Parse(text, CultureInfo.InvariantCulture)
        : text[0] == '-' ? (ulong)long.Parse(text, CultureInfo.InvariantCulture)
        : symbols.TryGetValue(text, out var symbol) ? (ulong)symbol.Offset
        : throw new PtxException($"{Name}: what is {text}?");

    /// <summary>The rows of {a, b, …}, or of a single operand.</summary>
    internal int[] Rows(string operand) => operand[0] == '{' ? [.. operand.Trim('{', '}').Split(',').Select(Row)] : [Row(operand)];

    /// <summary>[row + offset].</summary>
    internal (int Row, ulong Offset) Address(string operand)
    {
        string[] parts = operand.Trim('[', ']').Split('+');
        return (Row(parts[0]), parts.Length == 1 ? 0 : (ulong)long.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    private static string[] Operands(string text)
    {
        List<string> operands = [];
        int depth = 0, from = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            char c = i == text.Length ? ',' : text[i];
            depth += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
            if (c != ',' || depth > 0)
                continue;
            operands.Add(text[from..i].Trim());
            from = i + 1;
        }
        return [.. operands.Where(operand => operand.Length > 0)];
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\.entry\s+(?<name>[\w$]+)\s*\((?<parameters>[^)]*)\)[^{]*\{")]
    private static partial Regex Entry();

    [GeneratedRegex(@"\.param\s+(?:\.align\s+(?<align>\d+)\s+)?\.(?<type>\w+)\s+(?<name>\w+)(?:\[(?<bytes>\d+)\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]")]
    private static partial Regex Shared();

    [GeneratedRegex(@"\.extern\s+\.shared\s+\.align\s+\d+\s+\.b8\s+(\w+)\[\]")]
    private static partial Regex DynamicShared();

    [GeneratedRegex(@"^([$\w]+):\s*")]
    private static partial Regex Label();

    [GeneratedRegex(@"^@(!?)(%\w+)\s+")]
    private static partial Regex Guard();
}
