// The instructions of sm_80 that C++ has no words for, one function each, and how a kernel is declared. All inline PTX of the project is here:
// tests/Ascl.Kernels.Tests/Cuda/TensorCore/Emulation.h has the same functions for a CPU, so that the kernels' own source can be run and compared without a GPU.
// Addresses in shared memory are 32-bit numbers, as PTX has them.
#pragma once
#include <stdint.h>

// An entry point: one argument, a structure. "blocks" is how many blocks a multiprocessor should have room for.
#define KERNEL(name, Arguments, threads, blocks, body) \
    extern "C" __global__ void __launch_bounds__(threads, blocks) name(const Arguments p) { body(p); }

// The block's dynamic shared memory, at a multiple of 16 bytes.
__device__ __forceinline__ uint32_t sharedStart()
{
    extern __shared__ uint4 sharedMemory[];
    return (uint32_t)__cvta_generic_to_shared(sharedMemory);
}

// 16 bytes of global memory into shared memory, without passing through registers; to be waited for.
__device__ __forceinline__ void copyAsync(uint32_t to, const void* from)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

// Closes a group of this thread's copies.
__device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Until at most Pending of this thread's last groups are under way.
template <int Pending>
__device__ __forceinline__ void waitForCopies() { asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory"); }

__device__ __forceinline__ void storeShared(uint32_t to, uint4 v)
{
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}

__device__ __forceinline__ void storeShared(uint32_t to, int2 v)
{
    asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(to), "r"(v.x), "r"(v.y) : "memory");
}

__device__ __forceinline__ int2 loadSharedPair(uint32_t from)
{
    int2 v;
    asm volatile("ld.shared.v2.b32 {%0, %1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(from) : "memory");
    return v;
}

__device__ __forceinline__ float loadSharedFloat(uint32_t from)
{
    float v;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(from) : "memory");
    return v;
}

// Four matrices of 8 rows of 16 bytes. Lane 8i + r names row r of matrix i; lane 4g + t gets 4-byte word t of row g of each.
__device__ __forceinline__ void loadMatrices(uint32_t (&m)[4], uint32_t row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(row) : "memory");
}

// The same for 8×8 two-byte values, each matrix transposed: lane 4g + t gets values 2t and 2t + 1 of column g.
__device__ __forceinline__ void loadMatricesTransposed(uint32_t (&m)[4], uint32_t row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(row) : "memory");
}

// c += a·b: 16×16 by 16×8, bf16 by bf16, sums in float32.
__device__ __forceinline__ void multiplyBf16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// c += a·b: 16×8 by 8×8, tf32 by tf32, sums in float32.
__device__ __forceinline__ void multiplyTf32(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two floats rounded to bf16, to the nearest and of two equally near ones to the even; "low" in the lower half.
__device__ __forceinline__ uint32_t roundBf16(float low, float high)
{
    uint32_t v;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
    return v;
}

// A float rounded to tf32's 10 bits of mantissa, to the nearest and of two equally near ones away from zero.
__device__ __forceinline__ uint32_t roundTf32(float value)
{
    uint32_t v;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(v) : "f"(value));
    return v;
}

__device__ __forceinline__ float floatOf(uint32_t bits) { return __uint_as_float(bits); }
