// The weight gradient on tensor cores: the product dyᵀ·x over all pixels of the batch, as in WeightGradient.Cuda.cs. Rows are output channels, columns
// (r, s, input channel), and the pixels are cut into parts that only the shape decides, which SumParts adds in order.
//
// Both factors lie in memory with their channels side by side, while the sum runs over pixels. So a slice is [pixel][channel] in shared memory, and is
// turned when it is read: in bf16 by ldmatrix, in tf32 value by value. A pixel's channels are followed by some unused bytes, so that a fragment's reads
// fall into different banks.
#include "TensorCoreConvolution.cuh"

template <class Precision>
constexpr int ValueBytes = ChunkBytes / Precision::ChunkValues;

// Bytes from a pixel to the next.
template <class Precision>
__device__ __forceinline__ constexpr int pitchOf(int channels) { return channels * ValueBytes<Precision> + (Precision::ThroughRegisters ? 16 : 32); }

// c += rowsᵀ·columns over one slice.
template <class Precision, class Shape>
__device__ __forceinline__ void multiplyPixels(Accumulators<Shape>& c, uint32_t rows, uint32_t columns)
{
    constexpr int RowPitch = pitchOf<Precision>(Shape::Rows), ColumnPitch = pitchOf<Precision>(Shape::Columns), StepPixels = LineValues<Precision> / 2;
    int lane = Shape::lane();
    rows += Shape::warpRow() * ValueBytes<Precision>;
    columns += Shape::warpColumn() * ValueBytes<Precision>;
    if (Precision::ThroughRegisters)
    {
        // Matrices of eight pixels by eight channels, in the order of the fragments' words.
        rows += ((lane & 7) + ((lane >> 4) << 3)) * RowPitch + ((lane >> 3) & 1) * ChunkBytes;
        columns += ((lane & 7) + (((lane >> 3) & 1) << 3)) * ColumnPitch + (lane >> 4) * ChunkBytes;
    }
    else
    {
        rows += (lane & 3) * RowPitch + (lane >> 2) * 4;
        columns += (lane & 3) * ColumnPitch + (lane >> 2) * 4;
    }
#pragma unroll
    for (int step = 0; step < 2; step++)
    {
        uint32_t a[Shape::RowTiles][4], b[Shape::ColumnTiles / 2][4];
#pragma unroll
        for (int i = 0; i < Shape::RowTiles; i++)
        {
            uint32_t from = rows + step * StepPixels * RowPitch + 16 * i * ValueBytes<Precision>;
            if (Precision::ThroughRegisters)
                loadMatricesTransposed(a[i], from);
            else
#pragma unroll
                for (int v = 0; v < 4; v++)
                    a[i][v] = roundTf32(loadSharedFloat(from + (v >> 1) * 4 * RowPitch + (v & 1) * 32));
        }
#pragma unroll
        for (int j = 0; j < Shape::ColumnTiles / 2; j++)
        {
            uint32_t from = columns + step * StepPixels * ColumnPitch + 16 * j * ValueBytes<Precision>;
            if (Precision::ThroughRegisters)
                loadMatricesTransposed(b[j], from);
            else
#pragma unroll
                for (int v = 0; v < 4; v++)
                    b[j][v] = roundTf32(loadSharedFloat(from + (v & 1) * 4 * ColumnPitch + (v >> 1) * 32));
        }
#pragma unroll
        for (int i = 0; i < Shape::RowTiles; i++)
#pragma unroll
            for (int j = 0; j < Shape::ColumnTiles; j++)
                Precision::multiply(c.v[i][j], a[i], b[j / 2][2 * (j & 1)], b[j / 2][2 * (j & 1) + 1]);
    }
}

// How threads share a factor's slice: each has one chunk of a pixel, of Passes pixels.
template <class Precision, class Shape, int Channels>
struct Share
{
    static constexpr int Chunks = Channels / Precision::ChunkValues, PixelsOfPass = Shape::Threads / Chunks, Pitch = pitchOf<Precision>(Channels);
    static constexpr int Passes = (LineValues<Precision> + PixelsOfPass - 1) / PixelsOfPass;
    // From the pixel on, in units of four floats: the chunk's quads.
    int first, second;
    float4 fetched[Passes][2];

    __device__ static int chunk() { return threadIdx.x % Chunks; }
    __device__ static int pixel(int pass) { return threadIdx.x / Chunks + pass * PixelsOfPass; }

    // With more threads than chunks, some have none.
    __device__ static bool has(int pass) { return PixelsOfPass <= LineValues<Precision> || pixel(pass) < LineValues<Precision>; }

    template <class At>
    __device__ void fetch(const float4* from, At at)
    {
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
            if (has(pass))
            {
                int place = at(pixel(pass));
                fetched[pass][0] = from[place + first];
                fetched[pass][1] = from[place + second];
            }
    }

    __device__ void put(uint32_t slice) const
    {
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
            if (has(pass))
            {
                float4 low = fetched[pass][0], high = fetched[pass][1];
                storeShared(slice + pixel(pass) * Pitch + chunk() * ChunkBytes,
                            make_uint4(roundBf16(low.x, low.y), roundBf16(low.z, low.w), roundBf16(high.x, high.y), roundBf16(high.z, high.w)));
            }
    }

    template <class At>
    __device__ void copy(const float4* from, At at, uint32_t slice) const
    {
#pragma unroll
        for (int pass = 0; pass < Passes; pass++)
            if (has(pass))
                copyAsync(slice + pixel(pass) * Pitch + chunk() * ChunkBytes, from + (at(pixel(pass)) + first));
    }
};

// Where a quad of columns lies from a pixel's first tap on. Columns behind the last one are computed from the first and never read.
__device__ __forceinline__ int columnOffset(const AddPixelsArguments& p, int column)
{
    if (column >= p.columnQuads)
        return 0;
    int tap = p.byQuads.quotient(column), r = p.byTapColumns.quotient(tap);
    return r * p.tapRowStep + (tap - r * p.byTapColumns.divisor) * p.tapColumnStep + column - tap * p.byQuads.divisor;
}

template <class Precision, class Shape>
__device__ __forceinline__ void addPixels(const AddPixelsArguments& p)
{
    typedef Share<Precision, Shape, Shape::Rows> RowShare;
    typedef Share<Precision, Shape, Shape::Columns> ColumnShare;
    constexpr int Pixels = LineValues<Precision>, Stages = Precision::ThroughRegisters ? 2 : 3, RowBytes = Pixels * RowShare::Pitch, StageBytes = RowBytes + Pixels * ColumnShare::Pitch;
    constexpr int QuadsOfChunk = Precision::ChunkValues / 4;
    const int t = threadIdx.x;
    const uint32_t shared = sharedStart(), places = shared + Stages * StageBytes;

    RowShare dy;
    ColumnShare x;
    int row = blockIdx.y * (Shape::Rows / 4) + RowShare::chunk() * QuadsOfChunk, column = blockIdx.x * (Shape::Columns / 4) + ColumnShare::chunk() * QuadsOfChunk;
    dy.first = row < p.rowQuads ? row : 0;
    dy.second = row + 1 < p.rowQuads ? row + 1 : 0;
    x.first = columnOffset(p, column);
    x.second = columnOffset(p, column + 1);

    const int begin = blockIdx.z * p.pixelsPerPart, end = min(begin + p.pixelsPerPart, p.pixels.count), slices = end > begin ? (end - begin + Pixels - 1) / Pixels : 0;
    // The places of a slice's pixels, found by a thread each, one slice before they are needed: (x, dy). Behind the last pixel dy is read from the border's
    // corner, which is 0; then any pixel of x will do.
    auto find = [&](int slice) {
        if (t >= Pixels || slice >= slices)
            return;
        int pixel = begin + slice * Pixels + t;
        Place place = p.pixels.of(min(pixel, end - 1));
        storeShared(places + ((slice & 3) * Pixels + t) * 8,
                    make_int2(p.input.at(place.image, place.y, place.x), pixel < end ? p.gradient.at(place.image, place.y, place.x) : 0));
    };
    auto fetchSlice = [&](int slice) {
        uint32_t from = places + (slice & 3) * Pixels * 8;
        dy.fetch(p.dy, [&](int pixel) { return loadSharedPair(from + pixel * 8).y; });
        x.fetch(p.x, [&](int pixel) { return loadSharedPair(from + pixel * 8).x; });
    };
    auto putSlice = [&](int slice) {
        uint32_t stage = shared + slice % Stages * StageBytes;
        dy.put(stage);
        x.put(stage + RowBytes);
    };
    auto copySlice = [&](int slice) {
        uint32_t from = places + (slice & 3) * Pixels * 8, stage = shared + slice % Stages * StageBytes;
        if (slice < slices)
        {
            dy.copy(p.dy, [&](int pixel) { return loadSharedPair(from + pixel * 8).y; }, stage);
            x.copy(p.x, [&](int pixel) { return loadSharedPair(from + pixel * 8).x; }, stage + RowBytes);
        }
        commitCopies();
    };

    find(0);
    find(1);
    find(2);
    __syncthreads();
    if (!Precision::ThroughRegisters)
    {
        copySlice(0);
        copySlice(1);
    }
    else if (slices > 0)
    {
        fetchSlice(0);
        putSlice(0);
        if (slices > 1)
            fetchSlice(1);
    }
    Accumulators<Shape> sums;
    for (int slice = 0; slice < slices; slice++)
    {
        if (!Precision::ThroughRegisters)
            waitForCopies<1>();
        // This slice is there, and the last one has been read by everybody: its place may be filled.
        __syncthreads();
        find(slice + 3);
        if (!Precision::ThroughRegisters)
        {
            copySlice(slice + 2);
        }
        else if (slice + 1 < slices)
        {
            putSlice(slice + 1);
            if (slice + 2 < slices)
                fetchSlice(slice + 2);
        }
        uint32_t stage = shared + slice % Stages * StageBytes;
        multiplyPixels<Precision>(sums, stage, stage + RowBytes);
    }

    const int pitch = gridDim.x * Shape::Columns;
    float* partial = p.partial + ((int64_t)(blockIdx.z * gridDim.y + blockIdx.y) * Shape::Rows) * pitch + blockIdx.x * Shape::Columns;
    forEachRow(sums, [&](int row, int column, auto& v) {
#pragma unroll
        for (int j = 0; j < Shape::ColumnTiles; j++)
            *(float2*)(partial + (int64_t)row * pitch + column + 8 * j) = make_float2(v[2 * j], v[2 * j + 1]);
    });
}

typedef TileShape<128, 128, 2, 4> Weights128x128;
typedef TileShape<64, 64, 2, 2> Weights64x64;
typedef TileShape<32, 64, 1, 4> Weights32x64;
typedef TileShape<16, 64, 1, 4> Weights16x64;

KERNEL(add_pixels_bf16_128x128, AddPixelsArguments, 256, 2, (addPixels<Bf16, Weights128x128>))
KERNEL(add_pixels_bf16_64x64, AddPixelsArguments, 128, 4, (addPixels<Bf16, Weights64x64>))
KERNEL(add_pixels_bf16_32x64, AddPixelsArguments, 128, 4, (addPixels<Bf16, Weights32x64>))
KERNEL(add_pixels_bf16_16x64, AddPixelsArguments, 128, 4, (addPixels<Bf16, Weights16x64>))
KERNEL(add_pixels_tf32_128x128, AddPixelsArguments, 256, 2, (addPixels<Tf32, Weights128x128>))
KERNEL(add_pixels_tf32_64x64, AddPixelsArguments, 128, 4, (addPixels<Tf32, Weights64x64>))
KERNEL(add_pixels_tf32_32x64, AddPixelsArguments, 128, 4, (addPixels<Tf32, Weights32x64>))
KERNEL(add_pixels_tf32_16x64, AddPixelsArguments, 128, 4, (addPixels<Tf32, Weights16x64>))
