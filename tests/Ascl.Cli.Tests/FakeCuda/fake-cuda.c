// A CUDA driver without a GPU: device memory is host memory, every call is accepted and checked as far as that can be done, kernels do not run.
// It takes the host side of the program (loading PTX, packing arguments, copies, order of calls) through its real paths. What the program calls
// wrongly, such as a launch of a kernel that was never loaded, ends it with a message.
//   gcc -shared -fPIC -O1 fake-cuda.c -o libcuda.so.1
// At the end of the process a line a kernel, "NAME LAUNCHES REPLAYED", goes to the file that FAKE_CUDA_LOG names: launches one by one, and as a part of
// graphs; then the same of graphs: how many were made, how often they were launched; and how often the host waited for a stream. FAKE_CUDA_MEMORY: bytes of device memory. FAKE_CUDA_GRAPHS=0: a driver
// that refuses to capture.
// FAKE_CUDA_NO_TENSOR_CORES: PTX that uses them is refused.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void* Handle;
enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_IMAGE = 200, INVALID_PTX = 218, NOT_FOUND = 500, NOT_SUPPORTED = 801, MOST = 4096 };

static struct { char name[256]; long launches, replayed; size_t bytes; int shared; } functions[MOST];
static char* modules[MOST];
static struct { char* start; size_t bytes; } blocks[MOST];
static int functionCount, moduleCount, blockCount;
static size_t used;
static uintptr_t handles = 0x1000;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void refuse(const char* what, const char* detail)
{
    fprintf(stderr, "fake driver: %s %s\n", what, detail);
    abort();
}

static size_t memory(void)
{
    const char* bytes = getenv("FAKE_CUDA_MEMORY");
    return bytes ? strtoull(bytes, 0, 10) : (size_t)8 << 30;
}

// What a stream is given while it is captured: a kernel (function is its index), or a copy, or a filling (from is 0).
typedef struct { int function; char* to; char* from; size_t bytes; int value; } Node;
typedef struct { Node* nodes; int count; } Graph;
static Graph graphs[MOST];
static int graphCount;
static long graphLaunches, waits;
static Handle captured;         // the stream, 0 for none

static int put(Node node)
{
    Graph* graph = &graphs[graphCount];
    graph->nodes = realloc(graph->nodes, (graph->count + 1) * sizeof node);
    graph->nodes[graph->count++] = node;
    return OK;
}

static void notWhileCapturing(const char* call)
{
    if (captured)
        refuse(call, "while a stream is captured");
}

__attribute__((destructor)) static void report(void)
{
    const char* path = getenv("FAKE_CUDA_LOG");
    FILE* file = path ? fopen(path, "w") : 0;
    if (!file)
        return;
    for (int i = 0; i < functionCount; i++)
        fprintf(file, "%s %ld %ld\n", functions[i].name, functions[i].launches, functions[i].replayed);
    fprintf(file, "graphs %d %ld\n", graphCount, graphLaunches);
    fprintf(file, "waits %ld 0\n", waits);
    fclose(file);
}

int cuInit(int flags) { return OK; }
int cuDriverGetVersion(int* v) { *v = 13000; return OK; }
int cuGetErrorString(int e, const char** s) { *s = e == OUT_OF_MEMORY ? "out of memory" : "an error of the fake driver"; return OK; }
int cuDeviceGet(int* d, int i) { *d = i; return OK; }
int cuDeviceGetCount(int* n) { *n = 1; return OK; }
int cuDeviceGetName(char* s, int n, int d) { snprintf(s, n, "fake GPU"); return OK; }
int cuDeviceTotalMem_v2(size_t* n, int d) { *n = memory(); return OK; }
int cuDeviceGetAttribute(int* v, int a, int d)
{
    switch (a)
    {
    case 75: *v = 9; break;                      // compute capability 9.0
    case 76: *v = 0; break;
    case 16: *v = 132; break;                    // multiprocessors
    case 10: *v = 32; break;                     // threads a warp
    case 1: case 2: case 3: *v = 1024; break;    // threads a group
    case 4: *v = 64; break;
    case 5: *v = 2147483647; break;              // groups
    case 6: case 7: *v = 65535; break;
    case 8: *v = 49152; break;                   // shared memory
    case 81: *v = 233472; break;
    case 97: *v = 232448; break;
    case 39: *v = 2048; break;                   // threads a multiprocessor
    case 9: case 12: case 82: *v = 65536; break;
    case 11: *v = 2147483647; break;
    default: *v = 1;
    }
    return OK;
}
int cuDeviceCanAccessPeer(int* v, int a, int b) { *v = 0; return OK; }
int cuDeviceGetP2PAttribute(int* v, int a, int s, int d) { *v = 0; return OK; }
int cuCtxCreate_v2(Handle* c, int f, int d) { *c = (Handle)handles++; return OK; }
int cuCtxDestroy_v2(Handle c) { return OK; }
int cuCtxSetCurrent(Handle c) { return OK; }
int cuCtxSynchronize(void) { notWhileCapturing("cuCtxSynchronize"); return OK; }
int cuCtxGetCacheConfig(int* c) { *c = 0; return OK; }
int cuCtxSetCacheConfig(int c) { return OK; }
int cuCtxGetSharedMemConfig(int* c) { *c = 0; return OK; }
int cuCtxSetSharedMemConfig(int c) { return OK; }
int cuCtxEnablePeerAccess(Handle c, int f) { return OK; }
int cuCtxDisablePeerAccess(Handle c) { return OK; }

int cuMemGetInfo_v2(size_t* f, size_t* t) { *t = memory(); *f = *t - used; return OK; }
int cuMemAlloc_v2(Handle* p, size_t n)
{
    notWhileCapturing("cuMemAlloc");
    pthread_mutex_lock(&lock);
    int result = blockCount == MOST || used + n > memory() ? OUT_OF_MEMORY : OK;
    if (result == OK)
    {
        *p = aligned_alloc(256, (n + 255) / 256 * 256);
        blocks[blockCount].start = *p;
        blocks[blockCount++].bytes = n;
        used += n;
    }
    pthread_mutex_unlock(&lock);
    return result;
}
int cuMemFree_v2(Handle p)
{
    if (!p)
        return OK;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < blockCount; i++)
        if (blocks[i].start == p)
        {
            used -= blocks[i].bytes;
            blocks[i] = blocks[--blockCount];
            pthread_mutex_unlock(&lock);
            free(p);
            return OK;
        }
    refuse("cuMemFree", "of what was not allocated");
    return INVALID_VALUE;
}
int cuMemAllocHost_v2(Handle* p, size_t n) { *p = malloc(n); return OK; }
int cuMemFreeHost(Handle p) { free(p); return OK; }
int cuMemHostAlloc(Handle* p, size_t n, unsigned flags) { *p = malloc(n); return OK; }

// Whether n bytes from there lie in one device block.
static int isDevice(char* p, size_t n)
{
    int found = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < blockCount && !found; i++)
        found = p >= blocks[i].start && p + n <= blocks[i].start + blocks[i].bytes;
    pthread_mutex_unlock(&lock);
    return found;
}
int cuMemcpyAsync(Handle to, Handle from, size_t n, Handle s)
{
    if (n && !isDevice(to, n) && !isDevice(from, n))
        refuse("cuMemcpyAsync", "between two places that are not device memory");
    if (captured && !(isDevice(to, n) && isDevice(from, n)))
        notWhileCapturing("cuMemcpyAsync of the host");
    if (captured && s == captured)
        return put((Node){ -1, to, from, n, 0 });
    memmove(to, from, n);
    return OK;
}
int cuMemsetD8Async(Handle p, uint8_t v, size_t n, Handle s)
{
    if (n && !isDevice(p, n))
        refuse("cuMemsetD8Async", "outside device memory");
    if (captured && s == captured)
        return put((Node){ -1, p, 0, n, v });
    memset(p, v, n);
    return OK;
}
int cuMemHostRegister_v2(Handle p, size_t n, int f) { return OK; }
int cuMemHostUnregister(Handle p) { return OK; }
int cuMemHostGetDevicePointer_v2(Handle* d, Handle h, int f) { *d = h; return OK; }
int cuPointerGetAttribute(Handle v, int a, Handle p) { return INVALID_VALUE; }

int cuStreamCreate(Handle* s, int f) { *s = (Handle)handles++; return OK; }
int cuStreamCreateWithPriority(Handle* s, int f, int p) { return cuStreamCreate(s, f); }
int cuStreamDestroy_v2(Handle s) { return OK; }
int cuStreamSynchronize(Handle s) { notWhileCapturing("cuStreamSynchronize"); waits++; return OK; }
int cuEventCreate(Handle* e, int f) { *e = (Handle)handles++; return OK; }
int cuEventDestroy_v2(Handle e) { return OK; }
int cuEventQuery(Handle e) { return OK; }
// Each event comes one millisecond after the one before it.
static int eventTimes[1 << 16], events;
int cuEventRecord(Handle e, Handle s)
{
    notWhileCapturing("cuEventRecord");
    eventTimes[(uintptr_t)e & 0xffff] = ++events;
    return OK;
}
int cuEventSynchronize(Handle e) { return OK; }
int cuEventElapsedTime(float* ms, Handle a, Handle b) { *ms = eventTimes[(uintptr_t)b & 0xffff] - eventTimes[(uintptr_t)a & 0xffff]; return OK; }

int cuModuleLoadData(Handle* m, const char* image)
{
    // An undefined function: the driver's linker would refuse it.
    if (!strstr(image, ".version") || strstr(image, ".extern .func"))
        return INVALID_PTX;
    // What was compiled for this GPU or, as native kernels are, for an older one.
    if (!strstr(image, ".target sm_90") && !strstr(image, ".target sm_80"))
        return INVALID_IMAGE;
    if (strstr(image, "mma.sync") && getenv("FAKE_CUDA_NO_TENSOR_CORES"))
        return INVALID_PTX;
    if (moduleCount == MOST)
        refuse("too many modules", "");
    modules[moduleCount] = strdup(image);
    *m = (Handle)(uintptr_t)++moduleCount;
    return OK;
}
int cuModuleLoadDataEx(Handle* m, const char* image, int n, int* options, Handle* values) { return cuModuleLoadData(m, image); }
int cuModuleUnload(Handle m) { return OK; }
int cuModuleGetFunction(Handle* f, Handle m, const char* name)
{
    char entry[300];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    const char* text = modules[(uintptr_t)m - 1];
    if (!strstr(text, entry) || functionCount == MOST)
        return NOT_FOUND;
    // What the entry takes: .param .align A .b8 name[BYTES], or numbers.
    const char* array = strstr(strstr(text, entry), ".b8");
    const char* end = strchr(strstr(text, entry), ')');
    const char* size = array && array < end ? strchr(array, '[') : 0;
    functions[functionCount].bytes = size && size < end ? strtoul(size + 1, 0, 10) : 0;
    snprintf(functions[functionCount].name, sizeof functions[0].name, "%s", name);
    *f = (Handle)(uintptr_t)++functionCount;
    return OK;
}
int cuFuncGetAttribute(int* v, int a, Handle f) { *v = 32; return OK; }
int cuFuncSetAttribute(Handle f, int a, int v)
{
    if (a != 8 || v > 232448)
        return INVALID_VALUE;
    functions[(uintptr_t)f - 1].shared = v;
    return OK;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* n, Handle f, int b, size_t s) { *n = 2; return OK; }
int cuOccupancyMaxPotentialBlockSize(int* g, int* b, Handle f, Handle cb, size_t s, int l) { *g = 264; *b = l && l < 256 ? l : 256; return OK; }
int cuLaunchKernel(Handle f, int gx, int gy, int gz, int bx, int by, int bz, int shared, Handle s, Handle* args, Handle* extra)
{
    uintptr_t index = (uintptr_t)f - 1;
    if (index >= (uintptr_t)functionCount)
        refuse("launch", "of a function that was not loaded");
    if (gx < 1 || gy < 1 || gz < 1 || gy > 65535 || gz > 65535 || bx < 1 || by < 1 || bz < 1 || bx * by * bz > 1024)
        refuse("launch with a grid or group that no GPU takes:", functions[index].name);
    if (shared > 49152 && shared > functions[index].shared)
        refuse("launch with more shared memory than was asked for:", functions[index].name);
    // The buffer of arguments: {1, pointer, 2, pointer to size, 0}.
    if (!args && (!extra || (uintptr_t)extra[0] != 1 || *(size_t*)extra[3] < functions[index].bytes))
        refuse("launch with too few bytes of arguments:", functions[index].name);
    if (captured && s == captured)
        return put((Node){ (int)index, 0, 0, 0, 0 });
    functions[index].launches++;
    return OK;
}

int cuStreamBeginCapture_v2(Handle s, int mode)
{
    const char* graphsToo = getenv("FAKE_CUDA_GRAPHS");
    if (captured || !s || mode != 2 || graphCount == MOST || (graphsToo && *graphsToo == '0'))
        return NOT_SUPPORTED;
    captured = s;
    return OK;
}
int cuStreamEndCapture(Handle s, Handle* graph)
{
    if (s != captured || !s)
        return INVALID_VALUE;
    captured = 0;
    *graph = (Handle)(uintptr_t)++graphCount;
    return OK;
}
// A graph serves as its own executable.
int cuGraphInstantiateWithFlags(Handle* executable, Handle graph, unsigned long long flags) { *executable = graph; return OK; }
int cuGraphLaunch(Handle executable, Handle s)
{
    uintptr_t index = (uintptr_t)executable - 1;
    if (index >= (uintptr_t)graphCount || captured)
        refuse("cuGraphLaunch", "of what is no graph, or while a stream is captured");
    graphLaunches++;
    for (int i = 0; i < graphs[index].count; i++)
    {
        Node* node = &graphs[index].nodes[i];
        if (node->function >= 0)
            functions[node->function].replayed++;
        else if (!isDevice(node->to, node->bytes))
            refuse("cuGraphLaunch", "writes memory that was let go of");
        else if (node->from)
            memmove(node->to, node->from, node->bytes);
        else
            memset(node->to, node->value, node->bytes);
    }
    return OK;
}
int cuGraphExecDestroy(Handle executable) { return OK; }
int cuGraphDestroy(Handle graph) { return OK; }
