using Ascl.Core.Random;

namespace Ascl.Kernels.Attack;

/// <summary>
/// A square window at a random position in an image, drawn from two random words: what a query of the Square attack changes.
/// </summary>
internal readonly struct Window(RandomKey key, uint word, int side, int height, int width)
{
    public readonly int Top = Philox.ToIndex(Philox.Word(key, word), height - side + 1),
        Left = Philox.ToIndex(Philox.Word(key, word + 1), width - side + 1);
    private readonly int side = side;

    public bool Holds(int row, int column) => row >= Top && row < Top + side && column >= Left && column < Left + side;
}
