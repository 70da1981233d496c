using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Ascl.Data.Sources;

/// <summary>A 64-bit checksum against accidents, not against attackers: each step is a bijection of the state, so one changed word always
/// changes the result. Runs at memory speed and needs no library.</summary>
internal static class Checksum
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    public static ulong Of(string text) => Add(0, Encoding.UTF8.GetBytes(text));

    public static ulong Add(ulong state, ReadOnlySpan<byte> data)
    {
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(data))
            state = BitOperations.RotateLeft((state ^ word) * Multiplier, 29);
        foreach (byte rest in data[(data.Length & ~7)..])
            state = BitOperations.RotateLeft((state ^ rest) * Multiplier, 29);
        return BitOperations.RotateLeft((state ^ (ulong)data.Length) * Multiplier, 29);
    }
}
