using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Tests.Simd;

public sealed unsafe class TranspositionTests
{
    [Fact]
    public void EveryElementMovesAndNothingElseIsWritten()
    {
        for (int rows = 0; rows <= 13; rows++)
            for (int columns = 0; columns <= 18; columns++)
            {
                int fromStep = columns + 2, toStep = rows + 3;
                float[] from = [.. Enumerable.Range(1, rows * fromStep + 1).Select(i => (float)i)], to = new float[columns * toStep + 1];
                float[] expected = new float[to.Length];
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < columns; j++)
                        expected[j * toStep + i] = from[i * fromStep + j];
                fixed (float* source = from, target = to)
                    Transposition.Run(rows, columns, source, fromStep, target, toStep);
                Assert.Equal(expected, to);
            }
    }
}
