using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ascl.Kernels.Cuda;
using Ascl.Testing.Ptx;

namespace Ascl.Kernels.Tests.Cuda.TensorCore;

/// <summary>
/// The source of the tensor-core kernels, compiled for the CPU by g++ and run thread by thread (Emulation.h), behind a simulated GPU.
/// </summary>
internal sealed unsafe class EmulatedKernels : NativeKernels
{
    private static readonly Lazy<nint> Library = new(Build);

    /// <summary>Whether there is a compiler to build it with, at its first use.</summary>
    public static bool IsPossible { get; } = Compile("-dumpversion") is not null;

    /// <summary>The kernels run so far, by name.</summary>
    public HashSet<string> Launched { get; } = [];

    /// <summary>Whether the last warp of a block goes first.</summary>
    public bool LastWarpFirst { get; set; }

    /// <summary>Executes their PTX instead; null for the emulation.</summary>
    public PtxNativeKernels? Ptx { get; set; }

    public override void Launch(NativeKernel kernel, (int X, int Y, int Z) groups, ReadOnlySpan<byte> arguments)
    {
        if (Ptx is not null)
        {
            Ptx.Launch(kernel, groups, arguments);
            return;
        }
        var emulate = (delegate* unmanaged<nint, int*, int, int, byte*, int, byte*>)NativeLibrary.GetExport(Library.Value, "emulate");
        Launched.Add(kernel.Name);
        int* grid = stackalloc int[] { groups.X, groups.Y, groups.Z };
        fixed (byte* structure = arguments)
        {
            byte* problem = emulate(NativeLibrary.GetExport(Library.Value, kernel.Name), grid, kernel.Threads, kernel.SharedBytes,
                structure, LastWarpFirst ? 1 : 0);
            Assert.True(problem is null, $"{kernel.Name}: {Marshal.PtrToStringUTF8((nint)problem)}");
        }
    }

    public override void Dispose()
    {
        // Another device may go on with the library.
    }

    private static nint Build()
    {
        string folder = Directory.CreateTempSubdirectory("ascl-tensor-cores").FullName, library = Path.Combine(folder, "libemulated.so");
        try
        {
            // Fortified jumps refuse to change stacks.
            string? errors = Compile("-std=c++17", "-O2", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-I", Folder(), "-o", library,
                Path.Combine(Folder(), "emulate.cpp"));
            return File.Exists(library) ? NativeLibrary.Load(library) : throw new InvalidOperationException(errors);
        }
        finally
        {
            // A loaded library does not need its file.
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What g++ complains of; null where there is none.</summary>
    private static string? Compile(params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo("g++", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return errors;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
