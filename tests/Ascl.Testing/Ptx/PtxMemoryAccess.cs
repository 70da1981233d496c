namespace Ascl.Testing.Ptx;

/// <summary>A load or a store of one to four values a lane.</summary>
internal sealed class PtxMemoryAccess
{
    private readonly PtxKernel kernel;
    private readonly string text, space;
    private readonly bool isStore;
    private readonly int[] values;
    private readonly int address, size;
    private readonly ulong offset;

    private PtxMemoryAccess(PtxKernel kernel, string[] parts, string[] operands, string text)
    {
        (this.kernel, this.text, space, isStore) = (kernel, text, parts[1], parts[0] == "st");
        values = kernel.Rows(operands[isStore ? 1 : 0]);
        (address, offset) = kernel.Address(operands[isStore ? 0 : 1]);
        size = parts[^1][1..] switch { "64" => 8, "32" => 4, "16" => 2, _ => 1 };
    }

    private int Bytes => size * values.Length;

    /// <summary>What a load or store does; null for another instruction.</summary>
    public static Action<PtxWarp, uint>? Of(PtxKernel kernel, string name, string[] operands, string text)
    {
        string[] parts = name.Split('.');
        return parts[0] is "ld" or "st" && parts[1] is "param" or "global" or "shared"
            ? new PtxMemoryAccess(kernel, parts, operands, text).Run
            : null;
    }

    private void Run(PtxWarp warp, uint lanes)
    {
        Span<byte> stored = stackalloc byte[Bytes];
        for (int lane = 0; lane < PtxWarp.Lanes; lane++)
        {
            if ((lanes >> lane & 1) == 0)
                continue;
            ulong at = warp.Row(address)[lane] + offset;
            if (at % (ulong)Bytes != 0)
                throw new PtxException(
                    $"{kernel.Name}, block {warp.Block.Number}: an address that is no multiple of {Bytes} bytes: {text}");
            if (space == "param")
            {
                Load(warp, lane, warp.Block.Arguments.AsSpan((int)at, Bytes));
                continue;
            }
            Span<byte> memory = warp.Block.Accesses.Memory(space == "shared", at, Bytes, warp, lane, text);
            if (isStore)
                for (int i = 0; i < values.Length; i++)
                    BitConverter.GetBytes(warp.Row(values[i])[lane]).AsSpan(0, size).CopyTo(stored[(i * size)..]);
            warp.Block.Accesses.Note(space == "shared", at, Bytes, isStore, isStore && stored.SequenceEqual(memory), warp, lane, text);
            if (isStore)
                stored.CopyTo(memory);
            else
                Load(warp, lane, memory);
        }
    }

    private void Load(PtxWarp warp, int lane, ReadOnlySpan<byte> memory)
    {
        for (int i = 0; i < values.Length; i++)
        {
            ulong value = 0;
            for (int b = size - 1; b >= 0; b--)
                value = value << 8 | memory[i * size + b];
            warp.Row(values[i])[lane] = value;
        }
    }
}
