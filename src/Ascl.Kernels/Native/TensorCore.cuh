// Matrix products on tensor cores: what the kernels share. A block of warps owns a tile of the result; slices of both factors pass through shared memory.
//
// A slice holds 64 bytes of each line (a row of the left factor, a column of the right one), that is 32 values of the sum in bf16 or 16 in tf32, in four
// chunks of 16 bytes. Chunk c of line l lies at 64·l + 16·(c ^ (l / 2 mod 4)): then eight neighbouring lines' chunks, which ldmatrix reads at once,
// lie in different banks. mma takes 32 bytes of a line at a time in both precisions, and its fragments lie in the lanes alike, so the two differ only in
// the instruction, and in how values get rounded on their way.
#pragma once
#ifdef __CUDACC__
#include "PtxInstructions.cuh"
#else
#include "Emulation.h"
#endif

constexpr int LineBytes = 64, ChunksOfLine = 4, ChunkBytes = 16;

__device__ __forceinline__ constexpr int chunkPlace(int line, int chunk) { return line * LineBytes + ((chunk ^ ((line >> 1) & 3)) << 4); }

struct Bf16
{
    static constexpr int ChunkValues = 8;
    // Activations are float32 in memory: they are rounded in registers between global and shared memory.
    static constexpr bool ThroughRegisters = true;

    __device__ static void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { multiplyBf16(c, a, b0, b1); }

    __device__ static uint4 chunk(const float (&v)[8]) { return make_uint4(roundBf16(v[0], v[1]), roundBf16(v[2], v[3]), roundBf16(v[4], v[5]), roundBf16(v[6], v[7])); }
};

struct Tf32
{
    static constexpr int ChunkValues = 4;
    // tf32 is float32 with mantissa bits ignored: values go to shared memory as they are, and are rounded where they are read.
    static constexpr bool ThroughRegisters = false;

    __device__ static void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { multiplyTf32(c, a, b0, b1); }

    __device__ static uint4 chunk(const float (&v)[4]) { return make_uint4(roundTf32(v[0]), roundTf32(v[1]), roundTf32(v[2]), roundTf32(v[3])); }
};

template <class Precision>
constexpr int LineValues = ChunksOfLine * Precision::ChunkValues;

// Rows × Columns of the result by WarpRows × WarpColumns warps.
template <int RowCount, int ColumnCount, int WarpRows, int WarpColumns>
struct TileShape
{
    static constexpr int Rows = RowCount, Columns = ColumnCount, Threads = 32 * WarpRows * WarpColumns;
    // What a warp owns: so many products of 16 × 8.
    static constexpr int RowTiles = RowCount / WarpRows / 16, ColumnTiles = ColumnCount / WarpColumns / 8;
    static_assert(RowTiles * 16 * WarpRows == RowCount && ColumnTiles * 8 * WarpColumns == ColumnCount && ColumnTiles % 2 == 0, "a warp owns whole pairs of mma tiles");

    __device__ static int lane() { return threadIdx.x & 31; }
    // The first row and column of this thread's warp.
    __device__ static int warpRow() { return (threadIdx.x >> 5) / WarpColumns * (RowTiles * 16); }
    __device__ static int warpColumn() { return (threadIdx.x >> 5) % WarpColumns * (ColumnTiles * 8); }
};

// A warp's results: [row tile][column tile][v]. v = 0, 1: row lane / 4, columns 2·(lane mod 4) and the next; v = 2, 3: eight rows below.
template <class Shape>
struct Accumulators
{
    float v[Shape::RowTiles][Shape::ColumnTiles][4] = {};
};

// This thread's results row by row: take(row of the tile, first column of the tile, values), of which values 2j and 2j + 1 belong to columns 8j and 8j + 1
// behind the first.
template <class Shape, class Take>
__device__ __forceinline__ void forEachRow(const Accumulators<Shape>& c, Take take)
{
    int row = Shape::warpRow() + (Shape::lane() >> 2), column = Shape::warpColumn() + 2 * (Shape::lane() & 3);
#pragma unroll
    for (int i = 0; i < Shape::RowTiles; i++)
#pragma unroll
        for (int half = 0; half < 2; half++)
        {
            float v[2 * Shape::ColumnTiles];
#pragma unroll
            for (int j = 0; j < 2 * Shape::ColumnTiles; j++)
                v[j] = c.v[i][j / 2][2 * half + j % 2];
            take(row + 16 * i + 8 * half, column, v);
        }
}

// c += the product over one slice. "rows" and "columns" are where the slices of the factors begin; with RoundRows the left one is float32 as it came.
template <class Precision, class Shape, bool RoundRows>
__device__ __forceinline__ void multiplySlice(Accumulators<Shape>& c, uint32_t rows, uint32_t columns)
{
    int lane = Shape::lane();
    uint32_t row = rows + Shape::warpRow() * LineBytes, column = columns + Shape::warpColumn() * LineBytes;
#pragma unroll
    for (int step = 0; step < 2; step++)
    {
        // Matrices of the left factor: rows 0…7 and 8…15 of the first 16 bytes, then of the second. Of the right: both 16 bytes of columns 0…7, then of 8…15.
        uint32_t fromRow = row + chunkPlace(lane & 15, 2 * step + (lane >> 4));
        uint32_t fromColumn = column + chunkPlace((lane & 7) + ((lane >> 4) << 3), 2 * step + ((lane >> 3) & 1));
        uint32_t a[Shape::RowTiles][4], b[Shape::ColumnTiles / 2][4];
#pragma unroll
        for (int i = 0; i < Shape::RowTiles; i++)
        {
            loadMatrices(a[i], fromRow + 16 * i * LineBytes);
            if (RoundRows)
            {
#pragma unroll
                for (int v = 0; v < 4; v++)
                    a[i][v] = roundTf32(floatOf(a[i][v]));
            }
        }
#pragma unroll
        for (int j = 0; j < Shape::ColumnTiles / 2; j++)
            loadMatrices(b[j], fromColumn + 16 * j * LineBytes);
#pragma unroll
        for (int i = 0; i < Shape::RowTiles; i++)
#pragma unroll
            for (int j = 0; j < Shape::ColumnTiles; j++)
                Precision::multiply(c.v[i][j], a[i], b[j / 2][2 * (j & 1)], b[j / 2][2 * (j & 1) + 1]);
    }
}

// Native/InvariantDivision.cs.
struct Division
{
    uint32_t multiplier;
    int shift, divisor;

    __device__ int quotient(int value) const { return (int)(((uint64_t)(uint32_t)value * multiplier) >> shift); }
};
