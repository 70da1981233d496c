using System.Globalization;
using System.Runtime.InteropServices;

namespace Ascl.Testing.Ptx;

/// <summary>
/// Instructions of tensor cores, and copies to shared memory that run beside the threads, with the layouts of the PTX ISA (9.7.14).
/// </summary>
internal static class PtxTensorCore
{
    private const int CopyBytes = 16, MatrixRows = 8, MatrixRowBytes = 16;

    /// <summary>What is in shared memory where a copy has been started and not waited for: a NaN.</summary>
    private const uint Poison = 0x7fc0dead;

    /// <summary>What an instruction does; null where it is none of these.</summary>
    public static Action<PtxWarp, uint>? Of(PtxKernel kernel, string name, string[] operands, string text) => name switch
    {
        "cp.async.ca.shared.global" or "cp.async.cg.shared.global" => Copy(kernel, operands, text),
        "cp.async.commit_group" => (warp, lanes) => Each(lanes, lane => warp.Copies[lane].Commit()),
        "cp.async.wait_group" => Wait(int.Parse(operands[0], CultureInfo.InvariantCulture), text),
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16" or "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16" =>
            LoadMatrices(kernel, operands, text, name.Contains("trans", StringComparison.Ordinal)),
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" => Multiply(kernel, operands, depth: 16, perRegister: 2),
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32" => Multiply(kernel, operands, depth: 8, perRegister: 1),
        _ => null,
    };

    private static void Each(uint lanes, Action<int> of)
    {
        for (int lane = 0; lane < PtxWarp.Lanes; lane++)
            if ((lanes >> lane & 1) != 0)
                of(lane);
    }

    private static Action<PtxWarp, uint> Copy(PtxKernel kernel, string[] operands, string text)
    {
        var (to, toOffset) = kernel.Address(operands[0]);
        var (from, fromOffset) = kernel.Address(operands[1]);
        return (warp, lanes) => Each(lanes, lane =>
        {
            ulong target = warp.Row(to)[lane] + toOffset, source = warp.Row(from)[lane] + fromOffset;
            if (target % CopyBytes != 0 || source % CopyBytes != 0)
                throw new PtxException($"{kernel.Name}: an address that is no multiple of {CopyBytes} bytes: {text}");
            Span<byte> read = warp.Block.Accesses.Memory(false, source, CopyBytes, warp, lane, text);
            Span<byte> written = warp.Block.Accesses.Memory(true, target, CopyBytes, warp, lane, text);
            warp.Block.Accesses.Note(false, source, CopyBytes, false, false, warp, lane, text);
            warp.Block.Accesses.Note(true, target, CopyBytes, true, false, warp, lane, text);
            warp.Copies[lane].Start((int)target, read.ToArray());
            MemoryMarshal.Cast<byte, uint>(written).Fill(Poison);
        });
    }

    /// <summary>The copies of all but the last <paramref name="left"/> groups arrive.</summary>
    private static Action<PtxWarp, uint> Wait(int left, string text) => (warp, lanes) => Each(lanes, lane =>
    {
        foreach (var (target, bytes) in warp.Copies[lane].Arrived(left))
        {
            warp.Block.Accesses.Note(true, (ulong)target, CopyBytes, true, false, warp, lane, text);
            bytes.CopyTo(warp.Block.Shared, target);
        }
    });

    /// <summary>
    /// Four matrices of 8×8 halves: lane 8i + r has the address of row r of matrix i, and gets two neighbours of each matrix.
    /// </summary>
    private static Action<PtxWarp, uint> LoadMatrices(PtxKernel kernel, string[] operands, string text, bool isTransposed)
    {
        int[] to = kernel.Rows(operands[0]);
        var (address, offset) = kernel.Address(operands[1]);
        return (warp, lanes) =>
        {
            Whole(kernel, lanes, text);
            ushort[] halves = new ushort[PtxWarp.Lanes * MatrixRows];
            for (int lane = 0; lane < PtxWarp.Lanes; lane++)
            {
                ulong at = warp.Row(address)[lane] + offset;
                if (at % MatrixRowBytes != 0)
                    throw new PtxException($"{kernel.Name}: an address that is no multiple of {MatrixRowBytes} bytes: {text}");
                Span<byte> row = warp.Block.Accesses.Memory(true, at, MatrixRowBytes, warp, lane, text);
                warp.Block.Accesses.Note(true, at, MatrixRowBytes, false, false, warp, lane, text);
                MemoryMarshal.Cast<byte, ushort>(row).CopyTo(halves.AsSpan(lane * MatrixRows));
            }
            for (int matrix = 0; matrix < to.Length; matrix++)
            {
                Span<ulong> values = warp.Row(to[matrix]);
                for (int lane = 0; lane < PtxWarp.Lanes; lane++)
                {
                    int row = lane / 4, column = lane % 4 * 2;
                    values[lane] = Half(row, column) | (ulong)Half(row, column + 1) << 16;
                }

                ushort Half(int row, int column) =>
                    halves[(matrix * MatrixRows + (isTransposed ? column : row)) * MatrixRows + (isTransposed ? row : column)];
            }
        };
    }

    /// <summary>
    /// C [16, 8] += A [16, depth]·B [depth, 8] in fragments: lane 4g + t has rows g and g + 8 of A and C, column g of B and columns 2t and
    /// 2t + 1 of C.
    /// </summary>
    /// <param name="perRegister">Neighbouring values along the depth in a register.</param>
    private static Action<PtxWarp, uint> Multiply(PtxKernel kernel, string[] operands, int depth, int perRegister)
    {
        int[] d = kernel.Rows(operands[0]), a = kernel.Rows(operands[1]), b = kernel.Rows(operands[2]), c = kernel.Rows(operands[3]);
        return (warp, lanes) =>
        {
            Whole(kernel, lanes, operands[0]);
            float[] left = new float[16 * depth], right = new float[depth * 8];
            for (int lane = 0; lane < PtxWarp.Lanes; lane++)
            {
                var (g, t) = (lane / 4, lane % 4);
                for (int part = 0; part < perRegister; part++)
                {
                    for (int register = 0; register < a.Length; register++)
                        left[(g + register % 2 * 8) * depth + t * perRegister + part + register / 2 * depth / 2] = Value(
                            warp.Row(a[register])[lane], part);
                    for (int register = 0; register < b.Length; register++)
                        right[(t * perRegister + part + register * depth / 2) * 8 + g] = Value(warp.Row(b[register])[lane], part);
                }
            }
            for (int lane = 0; lane < PtxWarp.Lanes; lane++)
            {
                for (int register = 0; register < c.Length; register++)
                {
                    int row = lane / 4 + register / 2 * 8, column = lane % 4 * 2 + register % 2;
                    // Products are exact in float, sums here in double.
                    double sum = BitConverter.UInt32BitsToSingle((uint)warp.Row(c[register])[lane]);
                    for (int k = 0; k < depth; k++)
                        sum += (double)left[row * depth + k] * right[k * 8 + column];
                    warp.Row(d[register])[lane] = BitConverter.SingleToUInt32Bits((float)sum);
                }
            }
        };

        float Value(ulong bits, int part) =>
            BitConverter.UInt32BitsToSingle(perRegister == 2 ? (uint)(bits >> 16 * part) << 16 : (uint)bits & 0xffffe000);
    }

    private static void Whole(PtxKernel kernel, uint lanes, string text)
    {
        if (lanes != uint.MaxValue)
            throw new PtxException($"{kernel.Name}: only lanes {lanes:x8} come to an instruction of all: {text}");
    }
}

/// <summary>Copies to shared memory that a thread has started.</summary>
internal sealed class PtxCopies
{
    private readonly Queue<List<(int Target, byte[] Bytes)>> groups = [];
    private List<(int Target, byte[] Bytes)> open = [];

    public void Start(int target, byte[] bytes) => open.Add((target, bytes));

    public void Commit()
    {
        groups.Enqueue(open);
        open = [];
    }

    /// <summary>Takes out the copies of all but the last groups.</summary>
    public IEnumerable<(int Target, byte[] Bytes)> Arrived(int left)
    {
        while (groups.Count > left)
            foreach (var copy in groups.Dequeue())
                yield return copy;
    }
}
