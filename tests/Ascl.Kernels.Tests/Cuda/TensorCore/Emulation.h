// A GPU's block of threads on a CPU, for the tensor-core kernels' own source: it stands in for src/Ascl.Kernels/Native/PtxInstructions.cuh when they are
// compiled as C++. Each thread is a fibre. A warp runs until all of its threads wait for the block, then the next one does, so a missing barrier shows as
// wrong numbers; fragments lie in the lanes as the PTX ISA says (sections "mma" and "ldmatrix"). Shared memory begins as NaN, copies arrive when they
// are waited for and not before, and every shared address is checked.
#pragma once
#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <ucontext.h>
#include <vector>

using std::max;
using std::min;

#define __device__
#define __forceinline__ inline

struct uint4 { uint32_t x, y, z, w; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct int2 { int x, y; };
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline int2 make_int2(int x, int y) { return {x, y}; }

struct Dim3 { int x, y, z; };
static Dim3 threadIdx, blockIdx, blockDim, gridDim;

#define KERNEL(name, Arguments, threads, blocks, body) \
    extern "C" void name(const void* arguments) { const Arguments& p = *(const Arguments*)arguments; body(p); }

namespace emulation
{
enum class State { Ready, AtWarp, AtBarrier, Done };
enum class Operation { LoadMatrices, LoadMatricesTransposed, MultiplyBf16, MultiplyTf32 };

// What a lane brings to an operation of its warp.
struct Part
{
    Operation operation;
    uint32_t address;
    uint32_t* words;
    float* sums;
    const uint32_t* a;
    uint32_t b[2];
};

struct Copy { uint32_t to; const void* from; };

struct Thread
{
    State state;
    bool begun;
    Part part;
    std::vector<std::vector<Copy>> groups;
    jmp_buf context;
    ucontext_t first;
    std::unique_ptr<char[]> stack;
};

constexpr int StackBytes = 64 << 10, Lanes = 32;
// Not 0, so that an address that was never given one is seen.
constexpr uint32_t SharedBase = 4096;

static std::vector<std::unique_ptr<Thread>> threads;
static std::vector<unsigned char> shared;
static Thread* current;
static jmp_buf scheduler;
static void (*kernel)(const void*);
static const void* kernelArguments;
static char problem[200];

// Gives up the whole launch.
[[noreturn]] static void refuse(const char* what)
{
    snprintf(problem, sizeof problem, "%s (block %d %d %d, thread %d)", what, blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x);
    _longjmp(scheduler, 2);
}

static void wait(State state)
{
    current->state = state;
    if (_setjmp(current->context) == 0)
        _longjmp(scheduler, 1);
}

static unsigned char* sharedPlace(uint32_t address, int bytes)
{
    if (address < SharedBase || address - SharedBase + bytes > shared.size() || address % bytes != 0)
        refuse("shared memory: an address out of bounds or not aligned");
    return &shared[address - SharedBase];
}

static void begin()
{
    kernel(kernelArguments);
    current->state = State::Done;
    _longjmp(scheduler, 1);
}

// Runs a thread until it waits.
static __attribute__((noinline)) void resume(int index)
{
    current = threads[index].get();
    threadIdx = {index, 0, 0};
    int from = _setjmp(scheduler);
    if (from == 1)
        return;
    if (from == 2)
        throw 0;
    if (current->begun)
        _longjmp(current->context, 1);
    current->begun = true;
    getcontext(&current->first);
    current->first.uc_stack.ss_sp = current->stack.get();
    current->first.uc_stack.ss_size = StackBytes;
    makecontext(&current->first, begin, 0);
    setcontext(&current->first);
}

static float bf16(uint32_t word, int half)
{
    uint32_t bits = half ? word & 0xffff0000u : word << 16;
    float v;
    memcpy(&v, &bits, 4);
    return v;
}

// The tensor cores do not look at the 13 last bits.
static float tf32(uint32_t word)
{
    word &= 0xffffe000u;
    float v;
    memcpy(&v, &word, 4);
    return v;
}

static void multiply(Thread** lanes, bool isBf16)
{
    static float a[16][16], b[16][8];
    int depth = isBf16 ? 16 : 8;
    for (int lane = 0; lane < Lanes; lane++)
    {
        const Part& part = lanes[lane]->part;
        int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; i++)
        {
            int row = g + 8 * (i & 1);
            if (isBf16)
                for (int half = 0; half < 2; half++)
                    a[row][2 * t + half + 8 * (i >> 1)] = bf16(part.a[i], half);
            else
                a[row][t + 4 * (i >> 1)] = tf32(part.a[i]);
        }
        for (int i = 0; i < 2; i++)
            if (isBf16)
                for (int half = 0; half < 2; half++)
                    b[2 * t + half + 8 * i][g] = bf16(part.b[i], half);
            else
                b[t + 4 * i][g] = tf32(part.b[i]);
    }
    for (int lane = 0; lane < Lanes; lane++)
        for (int i = 0; i < 4; i++)
        {
            int row = lane / 4 + 8 * (i >> 1), column = 2 * (lane % 4) + (i & 1);
            float& sum = lanes[lane]->part.sums[i];
            double products = 0;
            for (int k = 0; k < depth; k++)
                products += (double)a[row][k] * b[k][column];
            sum = (float)(sum + products);
        }
}

static void loadMatrices(Thread** lanes, bool transposed)
{
    for (int matrix = 0; matrix < 4; matrix++)
    {
        uint16_t values[8][8];
        for (int row = 0; row < 8; row++)
            memcpy(values[row], sharedPlace(lanes[8 * matrix + row]->part.address, 16), 16);
        for (int lane = 0; lane < Lanes; lane++)
        {
            int g = lane / 4, t = lane % 4;
            uint32_t low = transposed ? values[2 * t][g] : values[g][2 * t], high = transposed ? values[2 * t + 1][g] : values[g][2 * t + 1];
            lanes[lane]->part.words[matrix] = low | high << 16;
        }
    }
}

// All of a warp's threads wait for their operation: does it.
static void operate(Thread** lanes)
{
    Operation operation = lanes[0]->part.operation;
    for (int lane = 0; lane < Lanes; lane++)
        if (lanes[lane]->part.operation != operation)
            refuse("the threads of a warp ask for different operations");
    if (operation == Operation::MultiplyBf16 || operation == Operation::MultiplyTf32)
        multiply(lanes, operation == Operation::MultiplyBf16);
    else
        loadMatrices(lanes, operation == Operation::LoadMatricesTransposed);
    for (int lane = 0; lane < Lanes; lane++)
        lanes[lane]->state = State::Ready;
}

// Until all threads of a warp wait for the block or are done.
static void runWarp(int warp)
{
    Thread* lanes[Lanes];
    for (int lane = 0; lane < Lanes; lane++)
        lanes[lane] = threads[warp * Lanes + lane].get();
    for (;;)
    {
        int atWarp = 0;
        for (int lane = 0; lane < Lanes; lane++)
        {
            if (lanes[lane]->state == State::Ready)
                resume(warp * Lanes + lane);
            atWarp += lanes[lane]->state == State::AtWarp;
        }
        if (atWarp == 0)
            return;
        // An operation's own complaints come here too.
        if (_setjmp(scheduler) != 0)
            throw 0;
        if (atWarp < Lanes)
            refuse("some threads of a warp wait for it, others do not");
        operate(lanes);
    }
}

static void runBlock(bool lastWarpFirst)
{
    std::fill(shared.begin(), shared.end(), 0xff);
    for (auto& thread : threads)
    {
        thread->state = State::Ready;
        thread->begun = false;
        thread->groups.assign(1, {});
    }
    int warps = (int)threads.size() / Lanes;
    for (;;)
    {
        for (int i = 0; i < warps; i++)
            runWarp(lastWarpFirst ? warps - 1 - i : i);
        int done = 0;
        for (auto& thread : threads)
            done += thread->state == State::Done;
        if (done == (int)threads.size())
            return;
        if (_setjmp(scheduler) != 0)
            throw 0;
        if (done > 0)
            refuse("some threads end while others wait for the block");
        for (auto& thread : threads)
            thread->state = State::Ready;
    }
}

static void join(Part part)
{
    current->part = part;
    wait(State::AtWarp);
}
}  // namespace emulation

inline void __syncthreads() { emulation::wait(emulation::State::AtBarrier); }
inline uint32_t sharedStart() { return emulation::SharedBase; }

inline void copyAsync(uint32_t to, const void* from)
{
    emulation::sharedPlace(to, 16);
    if ((uintptr_t)from % 16 != 0)
        emulation::refuse("copyAsync: a source that is not aligned");
    emulation::current->groups.back().push_back({to, from});
}
inline void commitCopies() { emulation::current->groups.emplace_back(); }

template <int Pending>
void waitForCopies()
{
    // The last group is the one that is still open.
    auto& groups = emulation::current->groups;
    while ((int)groups.size() - 1 > Pending)
    {
        for (const emulation::Copy& copy : groups.front())
            memcpy(emulation::sharedPlace(copy.to, 16), copy.from, 16);
        groups.erase(groups.begin());
    }
}

inline void storeShared(uint32_t to, uint4 v) { memcpy(emulation::sharedPlace(to, 16), &v, 16); }
inline void storeShared(uint32_t to, int2 v) { memcpy(emulation::sharedPlace(to, 8), &v, 8); }

inline int2 loadSharedPair(uint32_t from)
{
    int2 v;
    memcpy(&v, emulation::sharedPlace(from, 8), 8);
    return v;
}
inline float loadSharedFloat(uint32_t from)
{
    float v;
    memcpy(&v, emulation::sharedPlace(from, 4), 4);
    return v;
}

inline void loadMatrices(uint32_t (&m)[4], uint32_t row) { emulation::join({emulation::Operation::LoadMatrices, row, m}); }
inline void loadMatricesTransposed(uint32_t (&m)[4], uint32_t row) { emulation::join({emulation::Operation::LoadMatricesTransposed, row, m}); }
inline void multiplyBf16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { emulation::join({emulation::Operation::MultiplyBf16, 0, nullptr, c, a, {b0, b1}}); }
inline void multiplyTf32(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { emulation::join({emulation::Operation::MultiplyTf32, 0, nullptr, c, a, {b0, b1}}); }

inline uint32_t bitsOf(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}
inline float floatOf(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

inline uint32_t roundBf16(float low, float high)
{
    auto round = [](float v) -> uint32_t {
        uint32_t bits = bitsOf(v);
        return std::isnan(v) ? 0x7fff : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    };
    return round(low) | round(high) << 16;
}
// The bits that tensor cores do not look at are left as the addition made them.
inline uint32_t roundTf32(float value) { return std::isnan(value) ? 0x7fffffff : std::isinf(value) ? bitsOf(value) : bitsOf(value) + 0x1000; }
