namespace Ascl.Testing.Ptx;

/// <summary>32 threads that run in lock step: their registers, and which of them are where.</summary>
internal sealed class PtxWarp
{
    public const int Lanes = 32;

    private readonly ulong[] values;

    public PtxWarp(PtxBlock block, int index)
    {
        (Block, Index) = (block, index);
        values = new ulong[block.Kernel.RowCount * Lanes];
        foreach (var (row, constant) in block.Kernel.Constants)
            Row(row).Fill(constant);
    }

    public PtxBlock Block { get; }
    public int Index { get; }

    /// <summary>Lanes that have not returned.</summary>
    public uint Live { get; set; }

    /// <summary>
    /// Paths of lanes that a branch has parted, the one that runs last: where it is, where it meets the others, its lanes.
    /// </summary>
    public List<(int At, int Meeting, uint Lanes)> Paths { get; } = [];

    /// <summary>Copies to shared memory that each lane has started.</summary>
    public PtxCopies[] Copies { get; } = [.. Enumerable.Range(0, Lanes).Select(_ => new PtxCopies())];

    /// <summary>A value of each lane.</summary>
    public Span<ulong> Row(int row) => values.AsSpan(row * Lanes, Lanes);

    /// <summary>At the kernel's first instruction, with all threads that the block has.</summary>
    public void Begin()
    {
        var (x, y, z) = Block.Size;
        Live = 0;
        for (int lane = 0; lane < Lanes; lane++)
            Live |= Index * Lanes + lane < x * y * z ? 1u << lane : 0;
        foreach (var (row, name) in Block.Kernel.Specials)
        {
            Span<ulong> row32 = Row(row);
            for (int lane = 0; lane < Lanes; lane++)
            {
                int thread = Index * Lanes + lane;
                row32[lane] = (ulong)(name switch
                {
                    "%tid.x" => thread % x,
                    "%tid.y" => thread / x % y,
                    "%tid.z" => thread / x / y,
                    "%ntid.x" => x,
                    "%ntid.y" => y,
                    "%ntid.z" => z,
                    "%ctaid.x" => Block.Place.X,
                    "%ctaid.y" => Block.Place.Y,
                    "%ctaid.z" => Block.Place.Z,
                    "%nctaid.x" => Block.Grid.X,
                    "%nctaid.y" => Block.Grid.Y,
                    "%nctaid.z" => Block.Grid.Z,
                    "%laneid" => lane,
                    _ => throw new PtxException($"{Block.Kernel.Name}: the interpreter does not know {name}"),
                });
            }
        }
        Paths.Clear();
        Paths.Add((0, PtxReconvergence.End, Live));
    }

    /// <summary>Runs to the next barrier or to the end.</summary>
    public void Run()
    {
        IReadOnlyList<PtxInstruction> code = Block.Kernel.Code;
        while (Paths.Count > 0)
        {
            var (at, meeting, lanes) = Paths[^1];
            if (at == meeting || lanes == 0)
            {
                Paths.RemoveAt(Paths.Count - 1);
                continue;
            }
            PtxInstruction instruction = code[at];
            uint active = instruction.Guard < 0 ? lanes : Guarded(instruction, lanes);
            switch (instruction.Flow)
            {
                case PtxFlow.Next:
                    if (active != 0)
                        instruction.Run!(this, active);
                    Paths[^1] = (at + 1, meeting, lanes);
                    break;
                case PtxFlow.Shuffle:
                    if (active != uint.MaxValue)
                        throw Wrong(instruction, $"only lanes {active:x8} come to a shuffle of all");
                    instruction.Run!(this, active);
                    Paths[^1] = (at + 1, meeting, lanes);
                    break;
                case PtxFlow.Barrier or PtxFlow.BarrierOr:
                    if (active != lanes || lanes != Live || Paths.Count > 1)
                        throw Wrong(instruction, $"only lanes {active:x8} of {Live:x8} come to a barrier");
                    return;
                case PtxFlow.Return:
                    Return(active, at, meeting, lanes);
                    break;
                default:
                    Part(instruction, at, meeting, lanes, active);
                    break;
            }
        }
    }

    private uint Guarded(PtxInstruction instruction, uint lanes)
    {
        uint active = 0;
        Span<ulong> predicate = Row(instruction.Guard);
        for (int lane = 0; lane < Lanes; lane++)
            active |= (predicate[lane] != 0) == instruction.GuardValue ? 1u << lane : 0;
        return active & lanes;
    }

    private void Return(uint active, int at, int meeting, uint lanes)
    {
        Live &= ~active;
        Paths[^1] = (at + 1, meeting, lanes);
        for (int i = 0; i < Paths.Count; i++)
            Paths[i] = (Paths[i].At, Paths[i].Meeting, Paths[i].Lanes & ~active);
    }

    /// <summary>Sends lanes to the targets of a branch; where they part, one path after another, until they meet again.</summary>
    private void Part(PtxInstruction branch, int at, int meeting, uint lanes, uint active)
    {
        List<(int Target, uint Lanes)> ways = [];
        if (branch.Flow == PtxFlow.Branch)
        {
            ways.Add((branch.Targets[0], active));
        }
        else
        {
            Span<ulong> index = Row(branch.Rows[0]);
            for (int target = 0; target < branch.Targets.Length; target++)
            {
                uint chosen = 0;
                for (int lane = 0; lane < Lanes; lane++)
                    chosen |= (int)index[lane] == target ? 1u << lane : 0;
                ways.Add((branch.Targets[target], chosen & active));
            }
            if (ways.Aggregate(0u, (all, way) => all | way.Lanes) != active)
                throw Wrong(branch, "a branch beyond its table");
        }
        ways.Add((at + 1, lanes & ~active));
        ways.RemoveAll(way => way.Lanes == 0);
        if (ways.Count == 1)
        {
            Paths[^1] = (ways[0].Target, meeting, lanes);
            return;
        }
        if (branch.IsUniform)
            throw Wrong(branch, $"a branch said to be uniform parts the lanes {lanes:x8}");
        int together = Block.Kernel.Reconvergence[at];
        Paths[^1] = (together, meeting, together == PtxReconvergence.End ? 0 : lanes);
        foreach (var (target, way) in ways)
            Paths.Add((target, together, way));
    }

    private PtxException Wrong(PtxInstruction instruction, string what) =>
        new($"{Block.Kernel.Name}, block {Block.Number}, warp {Index}: {what}: {instruction.Text}");
}
