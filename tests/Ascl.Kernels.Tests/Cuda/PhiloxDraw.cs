using Ascl.Kernels.Attack;
using Ascl.Core.Random;
using ILGPU;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>A kernel that shows what <see cref="Philox"/> gives on a GPU.</summary>
public static class PhiloxDraw
{
    public struct DrawArguments
    {
        public ArrayView<int> Words, Indices;
        public ArrayView<float> Uniform, Normal;
        public ulong Seed;
        public uint Step, Index;
    }

    /// <summary>
    /// A thread draws word i, makes a uniform number and an index below 1000 of it, and of it and its successor a normal number.
    /// </summary>
    public static void Draw(DrawArguments p)
    {
        int i = Grid.GlobalIndex.X;
        if (i >= p.Words.IntLength)
            return;
        RandomKey key = new(p.Seed, RandomPurpose.Test, p.Step, p.Index);
        uint word = Philox.Word(key, (uint)i);
        p.Words[i] = (int)word;
        p.Indices[i] = Philox.ToIndex(word, 1000);
        p.Uniform[i] = Philox.ToUniform(word);
        p.Normal[i] = NormalNumbers.ToNormal(word, Philox.Word(key, (uint)i + 1)).Item1;
    }
}
