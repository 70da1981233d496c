// Convolution on tensor cores, forward and input gradient: the implicit matrix product of ImplicitGemm.Cuda.cs. Rows are pixels of the whole batch,
// columns channels of the result, and the sum runs over taps and their channels, these in chunks of 16 bytes, in the order of ChunkOrder. The input has enough zero pixels around
// it, so no border is tested for. Weights come packed: rounded, zero where there is none, and as the slices lie in shared memory.
#include "TensorCoreConvolution.cuh"

// Where this thread's chunk of a slice lies from a pixel's first tap on, and how far behind it the second quad of the chunk.
struct ChunkOffset
{
    int first, second;
};

// Chunks behind the last one have zero weights; the last one is read again for them, so that nothing behind the input is. So is a chunk's only quad.
template <class Precision>
__device__ __forceinline__ ChunkOffset offsetOf(const ConvolveArguments& p, int chunk)
{
    int r, s, chunkOfTap;
    p.order.find(min(chunk, p.chunks - 1), r, s, chunkOfTap);
    int quad = chunkOfTap * (Precision::ChunkValues / 4);
    return {r * p.tapRowStep + s * p.tapColumnStep + quad, quad + 1 < p.quads ? 1 : 0};
}

// relu?(Σ + bias + residual), 0 where gate ≤ 0, of one pixel's channels: values 2j and 2j + 1 are channels "channel" + 8j and the next. Channels that only
// fill up the pixel's last quad have zero weights and stay 0. All of a row's loads come before their first use.
template <int Count>
__device__ __forceinline__ void finish(const ConvolveArguments& p, int64_t pixel, int channel, float (&v)[Count])
{
    if (p.bias)
    {
#pragma unroll
        for (int j = 0; j < Count; j++)
            v[j] += channel + j / 2 * 8 + j % 2 < p.channels ? p.bias[channel + j / 2 * 8 + j % 2] : 0;
    }
    if (p.residual)
    {
        float2 residual[Count / 2];
#pragma unroll
        for (int j = 0; j < Count / 2; j++)
            residual[j] = channel + 8 * j < p.block ? *(const float2*)(p.residual + pixel + channel + 8 * j) : make_float2(0, 0);
#pragma unroll
        for (int j = 0; j < Count / 2; j++)
        {
            v[2 * j] += residual[j].x;
            v[2 * j + 1] += residual[j].y;
        }
    }
    if (p.relu)
    {
        // NaN stays NaN.
#pragma unroll
        for (int j = 0; j < Count; j++)
            v[j] = v[j] < 0 ? 0 : v[j];
    }
    if (p.gate)
    {
        float2 gate[Count / 2];
#pragma unroll
        for (int j = 0; j < Count / 2; j++)
            gate[j] = channel + 8 * j < p.block ? *(const float2*)(p.gate + pixel + channel + 8 * j) : make_float2(0, 0);
#pragma unroll
        for (int j = 0; j < Count / 2; j++)
        {
            v[2 * j] = gate[j].x > 0 ? v[2 * j] : 0;
            v[2 * j + 1] = gate[j].y > 0 ? v[2 * j + 1] : 0;
        }
    }
#pragma unroll
    for (int j = 0; j < Count / 2; j++)
        if (channel + 8 * j < p.block)
            *(float2*)(p.y + pixel + channel + 8 * j) = make_float2(v[2 * j], v[2 * j + 1]);
}

// A thread fetches chunk t mod 4 of rows t / 4, t / 4 + Threads / 4, … The copies of Stages − 1 slices are under way while one is multiplied.
template <class Precision, class Shape, int Stages>
__device__ __forceinline__ void convolve(const ConvolveArguments& p)
{
    constexpr int RowBytes = Shape::Rows * LineBytes, ColumnBytes = Shape::Columns * LineBytes, StageBytes = RowBytes + ColumnBytes;
    constexpr int RowsOfPass = Shape::Threads / ChunksOfLine, Passes = Shape::Rows / RowsOfPass, WeightChunks = Shape::Columns * ChunksOfLine;
    const int t = threadIdx.x, line = t / ChunksOfLine, chunk = t % ChunksOfLine, first = blockIdx.x * Shape::Rows;
    const int slices = (p.chunks + ChunksOfLine - 1) / ChunksOfLine;
    const uint32_t shared = sharedStart();

    // Rows past the last pixel compute the first one again.
    int rows[Passes];
#pragma unroll
    for (int pass = 0; pass < Passes; pass++)
    {
        int pixel = first + line + pass * RowsOfPass;
        rows[pass] = pixel < p.pixels.count ? p.pixels.at(p.input, pixel) : p.input.first;
    }

    const unsigned char* weight = p.weight + (int64_t)blockIdx.y * slices * ColumnBytes;
    auto copySlice = [&](int slice) {
        uint32_t stage = shared + slice % Stages * StageBytes;
#pragma unroll
        for (int i = 0; i < WeightChunks; i += Shape::Threads)
            if (WeightChunks - i >= Shape::Threads || t < WeightChunks - i)
                copyAsync(stage + RowBytes + (i + t) * ChunkBytes, weight + (int64_t)slice * ColumnBytes + (i + t) * ChunkBytes);
        if (!Precision::ThroughRegisters)
        {
            ChunkOffset offset = offsetOf<Precision>(p, slice * ChunksOfLine + chunk);
#pragma unroll
            for (int pass = 0; pass < Passes; pass++)
                copyAsync(stage + chunkPlace(line, chunk) + pass * RowsOfPass * LineBytes, p.x + (rows[pass] + offset.first));
        }
    };
    float4 fetched[Passes][2];
    auto fetchSlice = [&](int slice) {
        ChunkOffset offset = offsetOf<Precision>(p, slice * ChunksOfLine + chunk);
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
        {
            const float4* from = p.x + (rows[pass] + offset.first);
            fetched[pass][0] = from[0];
            fetched[pass][1] = from[offset.second];
        }
    };
    auto putSlice = [&](int slice) {
        uint32_t stage = shared + slice % Stages * StageBytes;
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
        {
            float4 low = fetched[pass][0], high = fetched[pass][1];
            storeShared(stage + chunkPlace(line, chunk) + pass * RowsOfPass * LineBytes,
                        make_uint4(roundBf16(low.x, low.y), roundBf16(low.z, low.w), roundBf16(high.x, high.y), roundBf16(high.z, high.w)));
        }
    };

    for (int slice = 0; slice < Stages - 1; slice++)
    {
        if (slice < slices)
            copySlice(slice);
        commitCopies();
    }
    if (Precision::ThroughRegisters && slices > 0)
    {
        fetchSlice(0);
        putSlice(0);
        if (slices > 1)
            fetchSlice(1);
    }
    Accumulators<Shape> sums;
    for (int slice = 0; slice < slices; slice++)
    {
        waitForCopies<Stages - 2>();
        // This slice is there, and the last one has been read by everybody: its place may be filled.
        __syncthreads();
        if (slice + Stages - 1 < slices)
            copySlice(slice + Stages - 1);
        commitCopies();
        if (Precision::ThroughRegisters && slice + 1 < slices)
        {
            putSlice(slice + 1);
            if (slice + 2 < slices)
                fetchSlice(slice + 2);
        }
        uint32_t stage = shared + slice % Stages * StageBytes;
        multiplySlice<Precision, Shape, !Precision::ThroughRegisters>(sums, stage, stage + RowBytes);
    }

    forEachRow(sums, [&](int row, int column, auto& v) {
        int pixel = first + row;
        if (pixel < p.pixels.count)
            finish(p, (int64_t)p.pixels.at(p.output, pixel) * 4, blockIdx.y * Shape::Columns + column, v);
    });
}

// A thread owns one packed value. The place of a chunk in its slice is that of chunkPlace.
template <class Precision, class Value, class Round>
__device__ __forceinline__ void pack(const PackArguments& p, Round round)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= p.count)
        return;
    constexpr int Values = LineValues<Precision>;
    int line = i / Values, value = i % Values, slices = p.byColumns.quotient(line), column = line - slices * p.byColumns.divisor;
    int tile = p.bySlices.quotient(slices), slice = slices - tile * p.bySlices.divisor;
    int r, s, chunkOfTap;
    p.order.find(slice * ChunksOfLine + ((value / Precision::ChunkValues) ^ ((column >> 1) & 3)), r, s, chunkOfTap);
    // Chunks behind the last one belong to a group that no tap has.
    int channel = chunkOfTap * Precision::ChunkValues + value % Precision::ChunkValues;
    column += tile * p.byColumns.divisor;
    float weight = 0;
    if (column < p.columns && channel < p.channels)
        weight = p.weight[column * p.columnStride + channel * p.channelStride + p.firstTap + r * p.tapRowStep + s * p.tapColumnStep];
    ((Value*)p.packed)[i] = round(weight);
}

__device__ __forceinline__ void packBf16(const PackArguments& p)
{
    pack<Bf16, uint16_t>(p, [](float v) { return (uint16_t)roundBf16(v, 0); });
}

__device__ __forceinline__ void packTf32(const PackArguments& p)
{
    pack<Tf32, uint32_t>(p, [](float v) { return roundTf32(v); });
}

// Tiles: 64 × 32 results a warp where there are enough, for what is read of shared memory a multiplication.
typedef TileShape<128, 128, 2, 4> Tile128x128;
typedef TileShape<128, 64, 2, 2> Tile128x64;
typedef TileShape<64, 64, 2, 2> Tile64x64;
typedef TileShape<128, 32, 4, 1> Tile128x32;
typedef TileShape<128, 16, 4, 1> Tile128x16;

KERNEL(convolve_bf16_128x128, ConvolveArguments, 256, 2, (convolve<Bf16, Tile128x128, 3>))
KERNEL(convolve_bf16_128x64, ConvolveArguments, 128, 3, (convolve<Bf16, Tile128x64, 3>))
KERNEL(convolve_bf16_64x64, ConvolveArguments, 128, 4, (convolve<Bf16, Tile64x64, 3>))
KERNEL(convolve_bf16_128x32, ConvolveArguments, 128, 4, (convolve<Bf16, Tile128x32, 3>))
KERNEL(convolve_bf16_128x16, ConvolveArguments, 128, 4, (convolve<Bf16, Tile128x16, 3>))
KERNEL(pack_bf16, PackArguments, 256, 1, packBf16)
KERNEL(convolve_tf32_128x128, ConvolveArguments, 256, 2, (convolve<Tf32, Tile128x128, 4>))
KERNEL(convolve_tf32_128x64, ConvolveArguments, 128, 3, (convolve<Tf32, Tile128x64, 4>))
KERNEL(convolve_tf32_64x64, ConvolveArguments, 128, 4, (convolve<Tf32, Tile64x64, 4>))
KERNEL(convolve_tf32_128x32, ConvolveArguments, 128, 4, (convolve<Tf32, Tile128x32, 4>))
KERNEL(convolve_tf32_128x16, ConvolveArguments, 128, 4, (convolve<Tf32, Tile128x16, 4>))
KERNEL(pack_tf32, PackArguments, 256, 1, packTf32)
