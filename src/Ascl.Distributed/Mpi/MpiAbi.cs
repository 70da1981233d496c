using System.Runtime.InteropServices;

namespace Ascl.Distributed.Mpi;

/// <summary>
/// The handles and constants of a family of MPI libraries. Functions have the same C signatures everywhere if a handle is passed as a
/// pointer-sized integer; only these values differ. Sources: mpi.h of Open MPI 4.1 and MPICH 4.0; the header of the MPI-5.0 standard, §20.
/// </summary>
/// <param name="Family">Name for messages.</param>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Byte">MPI_BYTE.</param>
/// <param name="ErrorsReturn">MPI_ERRORS_RETURN.</param>
/// <param name="StatusIgnore">MPI_STATUS_IGNORE.</param>
/// <param name="Serialized">MPI_THREAD_SERIALIZED.</param>
internal sealed record MpiAbi(string Family, nint World, nint Byte, nint ErrorsReturn, nint StatusIgnore, int Serialized)
{
    private static readonly MpiAbi Standard = new("MPI standard ABI", 0x101, 0x247, 0x143, 0, 2048),
        Mpich = new("MPICH ABI", 0x44000000, 0x4c00010d, 0x54000001, 1, 2);

    /// <summary>The family that a loaded library belongs to.</summary>
    public static MpiAbi Of(nint library, string path)
    {
        if (Path.GetFileName(path).Contains("_abi", StringComparison.Ordinal) && Has("MPI_Abi_get_version"))
            return Standard;
        // Open MPI's handles are addresses of exported objects.
        return Has("ompi_mpi_comm_world")
            ? new("Open MPI", Export("ompi_mpi_comm_world"), Export("ompi_mpi_byte"), Export("ompi_mpi_errors_return"), 0, 2)
            : Mpich;

        bool Has(string name) => NativeLibrary.TryGetExport(library, name, out _);

        nint Export(string name) => NativeLibrary.GetExport(library, name);
    }
}
