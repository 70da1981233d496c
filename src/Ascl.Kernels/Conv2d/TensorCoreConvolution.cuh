// What the convolution kernels are told: the structures of Conv2dKernels.TensorCore.Cuda.cs, and pixels as Activations/PixelGrid.Cuda.cs has them.
#pragma once
#include "../Native/TensorCore.cuh"

// Pixel (y, x) of image n lies at first + n·image + y·row + x·pixel, in units of four floats.
struct PixelGrid
{
    int first, image, row, pixel;

    __device__ int at(int n, int y, int x) const { return first + n * image + y * row + x * pixel; }
};

struct Place
{
    int image, y, x;
};

// The numbers 0…count − 1 of all pixels of a batch.
struct PixelNumbers
{
    Division rows, columns;
    int count;

    __device__ Place of(int number) const
    {
        int row = columns.quotient(number), image = rows.quotient(row);
        return {image, row - image * rows.divisor, number - row * columns.divisor};
    }

    __device__ int at(const PixelGrid& grid, int number) const
    {
        Place place = of(number);
        return grid.at(place.image, place.y, place.x);
    }
};

// The sum of a convolution in chunks: (group of a tap's chunks, tap, chunk of the group). Where a tap has whole slices of chunks, a group is one slice, so that
// all taps of the same channels come one after another and find them in the multiprocessor's cache; otherwise it is the tap's all.
struct ChunkOrder
{
    // Chunks of a group, taps, and taps of a row.
    Division byGroup, byTaps, byTapColumns;

    // The place of a chunk: row and column of its tap, and the number it has among that one's chunks.
    __device__ void find(int chunk, int& r, int& s, int& chunkOfTap) const
    {
        int part = byGroup.quotient(chunk), group = byTaps.quotient(part), tap = part - group * byTaps.divisor;
        r = byTapColumns.quotient(tap);
        s = tap - r * byTapColumns.divisor;
        chunkOfTap = group * byGroup.divisor + chunk - part * byGroup.divisor;
    }
};

struct PackArguments
{
    const float* weight;
    void* packed;
    // Columns of a tile; slices of a tile.
    Division byColumns, bySlices;
    ChunkOrder order;
    // Packed values. The rest as in ConvolutionOperands.Packing.
    int count, columns, columnStride, channels, channelStride, firstTap, tapRowStep, tapColumnStep;
};
static_assert(sizeof(PackArguments) == 112, "as in C#");

struct ConvolveArguments
{
    const float4* x;
    // [tile of columns][slice][column][64 bytes], the slices as they are to lie in shared memory.
    const unsigned char* weight;
    // Null where there is none.
    const float *bias, *residual, *gate;
    float* y;
    PixelNumbers pixels;
    // The first tap of every pixel, and where its result goes.
    PixelGrid input, output;
    ChunkOrder order;
    // From a tap to the one below and beside it; chunks of all taps; quads of four channels that a pixel of x has.
    int tapRowStep, tapColumnStep, chunks, quads;
    // Channels of the result, and what a pixel of it has room for.
    int channels, block, relu;
};
static_assert(sizeof(ConvolveArguments) == 176, "as in C#");

struct AddPixelsArguments
{
    const float4 *x, *dy;
    // [part][rows of all tiles][columns of all tiles].
    float* partial;
    PixelNumbers pixels;
    // The first tap of every pixel of dy, and the pixel.
    PixelGrid input, gradient;
    int pixelsPerPart;
    // Quads of four channels that a pixel of dy has, and columns of dw in quads.
    int rowQuads, columnQuads;
    int tapRowStep, tapColumnStep;
    // Quads of a tap, and taps of a row.
    Division byQuads, byTapColumns;
};
static_assert(sizeof(AddPixelsArguments) == 128, "as in C#");
