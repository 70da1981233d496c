using System.Runtime.InteropServices;
using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Distributed.Mpi;

/// <summary>An MPI library, loaded at run time, and the few functions that are needed of it. Nothing is linked: a machine without MPI needs
/// none.</summary>
internal sealed unsafe partial class MpiLibrary
{
    private const int ErrorTextBytes = 8192;
    private const string StandardAbi = "libmpi_abi.so.0";

    private static readonly string[] OpenMpi = ["libmpi.so.40", "/usr/lib64/openmpi/lib/libmpi.so.40"],
        Mpich = ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12", "/usr/lib64/mpich/lib/libmpi.so.12"];

    private readonly MpiAbi abi;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int> isend, irecv;
    private readonly delegate* unmanaged<nint*, int*, nint, int> test;
    private readonly nint library;

    private MpiLibrary(nint library, string path)
    {
        (this.library, Path, abi) = (library, path, MpiAbi.Of(library, path));
        isend = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Function("MPI_Isend");
        irecv = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Function("MPI_Irecv");
        test = (delegate* unmanaged<nint*, int*, nint, int>)Function("MPI_Test");
    }

    /// <summary>The name by which it was loaded.</summary>
    public string Path { get; }

    /// <summary>Family and version, on one line.</summary>
    public string Version
    {
        get
        {
            byte* text = stackalloc byte[ErrorTextBytes];
            int length = 0;
            ((delegate* unmanaged<byte*, int*, int>)Function("MPI_Get_library_version"))(text, &length);
            string version = Encoding.UTF8.GetString(text, Math.Clamp(length, 0, ErrorTextBytes)).TrimEnd('\0');
            return $"{abi.Family}: {version.Split('\n', ',')[0].Trim()}";
        }
    }

    /// <summary>Loads the library that belongs to a launcher, or one that the user names.</summary>
    /// <param name="launch">What started this process.</param>
    /// <param name="named">A file or a name that the system's loader finds; null to look for it.</param>
    /// <exception cref="UserErrorException">There is no such library, or it is not MPI.</exception>
    public static MpiLibrary Load(ProcessLaunch launch, string? named)
    {
        string[] candidates = named is not null ? [named] : launch.Launcher switch
        {
            Launcher.OpenMpi => [.. OpenMpi, StandardAbi],
            Launcher.Hydra => [.. Mpich, StandardAbi],
            _ => [.. OpenMpi, .. Mpich, StandardAbi],
        };
        foreach (string candidate in candidates)
        {
            if (!NativeLibrary.TryLoad(candidate, out nint library))
                continue;
            if (NativeLibrary.TryGetExport(library, "MPI_Init_thread", out _))
                return new(library, candidate);
            if (named is not null)
                throw new UserErrorException($"{named}: is not an MPI library: it does not export MPI_Init_thread");
        }
        string package = launch.Launcher == Launcher.Hydra ? "libmpich12" : "libopenmpi3 or newer";
        throw new UserErrorException(named is not null
            ? $"{named}: the MPI library cannot be loaded"
            : $"{launch.Size} processes were started by {launch.Program}, but no MPI library was found (looked for "
                + $"{string.Join(", ", candidates)}): install it (Debian: {package}) or name its file with mpi");
    }

    /// <summary>Starts MPI in this process; errors are returned from then on, not fatal.</summary>
    public void Initialize()
    {
        // UCX would turn .NET's null reference exceptions, which are SIGSEGV underneath, into crashes. The native environment is meant:
        // .NET's own copy is not seen by the library.
        setenv("UCX_ERROR_SIGNALS", "SIGILL,SIGBUS,SIGFPE", 0);
        int provided = 0;
        Check(((delegate* unmanaged<nint, nint, int, int*, int>)Function("MPI_Init_thread"))(0, 0, abi.Serialized, &provided),
            "MPI_Init_thread");
        Check(((delegate* unmanaged<nint, nint, int>)Function("MPI_Comm_set_errhandler"))(abi.World, abi.ErrorsReturn),
            "MPI_Comm_set_errhandler");
    }

    /// <summary>Rank and size of MPI_COMM_WORLD.</summary>
    public int WorldNumber(string function)
    {
        int number = 0;
        Check(((delegate* unmanaged<nint, int*, int>)Function(function))(abi.World, &number), function);
        return number;
    }

    /// <summary>MPI_Isend of bytes.</summary>
    public nint Send(void* start, int bytes, int rank, int tag)
    {
        nint request = 0;
        Check(isend(start, bytes, abi.Byte, rank, tag, abi.World, &request), $"MPI_Isend to rank {rank}");
        return request;
    }

    /// <summary>MPI_Irecv of bytes.</summary>
    public nint Receive(void* start, int bytes, int rank, int tag)
    {
        nint request = 0;
        Check(irecv(start, bytes, abi.Byte, rank, tag, abi.World, &request), $"MPI_Irecv from rank {rank}");
        return request;
    }

    /// <summary>Whether a request has ended; if so it becomes the null request.</summary>
    public bool Test(ref nint request, int rank)
    {
        int done = 0;
        nint tested = request;
        Check(test(&tested, &done, abi.StatusIgnore), $"message with rank {rank}");
        request = tested;
        return done != 0;
    }

    /// <summary>MPI_Finalize.</summary>
    public void Finish() => ((delegate* unmanaged<int>)Function("MPI_Finalize"))();

    /// <summary>MPI_Abort.</summary>
    public void Abort(int exitCode) => ((delegate* unmanaged<nint, int, int>)Function("MPI_Abort"))(abi.World, exitCode);

    private nint Function(string name) => NativeLibrary.TryGetExport(library, name, out nint address)
        ? address
        : throw new UserErrorException($"{Path}: this MPI library does not export {name}");

    private void Check(int code, string call)
    {
        if (code == 0)
            return;
        byte* text = stackalloc byte[ErrorTextBytes];
        int length = 0;
        ((delegate* unmanaged<int, byte*, int*, int>)Function("MPI_Error_string"))(code, text, &length);
        throw new UserErrorException($"{call}: {Encoding.UTF8.GetString(text, Math.Clamp(length, 0, ErrorTextBytes)).TrimEnd('\0')}");
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
