// Products of plain row-major matrices on tensor cores: C[m, n] = (bias[n]) + Σ over k of A[m, k]·B[k, n], each factor stored either way. Values are rounded
// in registers between global and shared memory. Every entry's sum runs over k in order whatever the tile, so its bits do not depend on it.
#include "../Native/TensorCore.cuh"

struct MultiplyArguments
{
    const float *a, *b;
    // Null where there is none.
    const float* bias;
    float* c;
    int m, n, k;
    // From a row of A to the next, from one k to the next; of B's columns likewise. One of the two is 1.
    int rowStep, rowDepthStep, columnStep, columnDepthStep;
};
static_assert(sizeof(MultiplyArguments) == 64, "as in C#");

// What this thread fetches of one factor, whose lines are rows of A or columns of B: one chunk of k of Passes lines. Neighbouring threads take neighbouring
// addresses: the four chunks of a line where k lies side by side, otherwise lines.
template <class Precision, class Shape, int Lines>
struct Factor
{
    static constexpr int Passes = Lines * ChunksOfLine / Shape::Threads, Values = Precision::ChunkValues;
    static_assert(Passes * Shape::Threads == Lines * ChunksOfLine && Shape::Threads % Lines == 0, "each thread has as many chunks");
    const float* from;
    int lines, depths, lineStep, depthStep, first;
    float fetched[Passes][Values];

    __device__ Factor(const float* from, int lines, int depths, int lineStep, int depthStep, int first)
        : from(from), lines(lines), depths(depths), lineStep(lineStep), depthStep(depthStep), first(first) {}

    __device__ int line(int pass) const { return depthStep == 1 ? threadIdx.x / ChunksOfLine + pass * (Shape::Threads / ChunksOfLine) : threadIdx.x % Lines; }
    __device__ int chunk(int pass) const { return depthStep == 1 ? threadIdx.x % ChunksOfLine : threadIdx.x / Lines + pass * (Shape::Threads / Lines); }

    // 0 behind the last line and the last k.
    __device__ void fetch(int slice)
    {
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
        {
            int l = first + line(pass), k = slice * LineValues<Precision> + chunk(pass) * Values;
            const float* at = from + (int64_t)l * lineStep + (int64_t)k * depthStep;
            // Every line of whole quads begins at a multiple of 16 bytes.
            if (depthStep == 1 && depths % 4 == 0)
            {
#pragma unroll
                for (int i = 0; i < Values; i += 4)
                {
                    float4 v = l < lines && k + i < depths ? *(const float4*)(at + i) : make_float4(0, 0, 0, 0);
                    fetched[pass][i] = v.x;
                    fetched[pass][i + 1] = v.y;
                    fetched[pass][i + 2] = v.z;
                    fetched[pass][i + 3] = v.w;
                }
            }
            else
            {
#pragma unroll
                for (int i = 0; i < Values; i++)
                    fetched[pass][i] = l < lines && k + i < depths ? at[(int64_t)i * depthStep] : 0;
            }
        }
    }

    __device__ void put(uint32_t slice) const
    {
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
            storeShared(slice + chunkPlace(line(pass), chunk(pass)), Precision::chunk(fetched[pass]));
    }
};

template <class Precision, class Shape>
__device__ __forceinline__ void multiplyMatrices(const MultiplyArguments& p)
{
    constexpr int RowBytes = Shape::Rows * LineBytes, StageBytes = RowBytes + Shape::Columns * LineBytes;
    const int firstRow = blockIdx.y * Shape::Rows, firstColumn = blockIdx.x * Shape::Columns, slices = (p.k + LineValues<Precision> - 1) / LineValues<Precision>;
    const uint32_t shared = sharedStart();
    Factor<Precision, Shape, Shape::Rows> a(p.a, p.m, p.k, p.rowStep, p.rowDepthStep, firstRow);
    Factor<Precision, Shape, Shape::Columns> b(p.b, p.n, p.k, p.columnStep, p.columnDepthStep, firstColumn);
    Accumulators<Shape> sums;
    a.fetch(0);
    b.fetch(0);
    for (int slice = 0; slice < slices; slice++)
    {
        uint32_t stage = shared + (slice & 1) * StageBytes;
        a.put(stage);
        b.put(stage + RowBytes);
        // The slice is there, and the last but one, whose place the next one takes, has been read by everybody.
        __syncthreads();
        if (slice + 1 < slices)
        {
            a.fetch(slice + 1);
            b.fetch(slice + 1);
        }
        multiplySlice<Precision, Shape, false>(sums, stage, stage + RowBytes);
    }

    forEachRow(sums, [&](int row, int column, auto& v) {
        row += firstRow;
        if (row >= p.m)
            return;
#pragma unroll
        for (int j = 0; j < 2 * Shape::ColumnTiles; j++)
        {
            int n = firstColumn + column + j / 2 * 8 + j % 2;
            if (n < p.n)
                p.c[(int64_t)row * p.n + n] = v[j] + (p.bias ? p.bias[n] : 0);
        }
    });
}

typedef TileShape<128, 128, 2, 4> Square128;
typedef TileShape<64, 64, 2, 2> Square64;

KERNEL(multiply_bf16_128x128, MultiplyArguments, 256, 1, (multiplyMatrices<Bf16, Square128>))
KERNEL(multiply_bf16_64x64, MultiplyArguments, 128, 3, (multiplyMatrices<Bf16, Square64>))
KERNEL(multiply_tf32_128x128, MultiplyArguments, 256, 1, (multiplyMatrices<Tf32, Square128>))
KERNEL(multiply_tf32_64x64, MultiplyArguments, 128, 3, (multiplyMatrices<Tf32, Square64>))
