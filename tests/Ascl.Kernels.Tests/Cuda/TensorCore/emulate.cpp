// The tensor-core kernels as a library for a CPU; see Emulation.h. Built by EmulatedKernels.cs:
//   g++ -std=c++17 -O2 -U_FORTIFY_SOURCE -shared -fPIC -I. emulate.cpp -o libemulated.so
#include "../../../../src/Ascl.Kernels/Conv2d/TensorCoreConvolution.cu"
#include "../../../../src/Ascl.Kernels/Conv2d/TensorCoreWeightGradient.cu"
#include "../../../../src/Ascl.Kernels/Gemm/TensorCoreGemm.cu"

// Runs all blocks of a launch one after another; null, or what went wrong.
extern "C" const char* emulate(void (*kernel)(const void*), const int* grid, int threadsOfBlock, int sharedBytes, const void* arguments, int lastWarpFirst)
{
    using namespace emulation;
    emulation::kernel = kernel;
    kernelArguments = arguments;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {threadsOfBlock, 1, 1};
    shared.resize(sharedBytes);
    while ((int)threads.size() > threadsOfBlock)
        threads.pop_back();
    while ((int)threads.size() < threadsOfBlock)
    {
        threads.emplace_back(new Thread());
        threads.back()->stack.reset(new char[StackBytes]);
    }
    try
    {
        for (int z = 0; z < grid[2]; z++)
            for (int y = 0; y < grid[1]; y++)
                for (int x = 0; x < grid[0]; x++)
                {
                    blockIdx = {x, y, z};
                    runBlock(lastWarpFirst != 0);
                }
    }
    catch (int)
    {
        return problem;
    }
    return nullptr;
}
