namespace Ascl.Core.Files.Numpy;

/// <summary>An array of an .npy file.</summary>
/// <param name="Dtype">Element type; null for one that is not read.</param>
/// <param name="Type">NumPy's name of the element type, such as "&lt;f4".</param>
/// <param name="Shape">Dimensions, outermost first.</param>
/// <param name="IsColumnMajor">Whether the elements are in Fortran order.</param>
/// <param name="IsBigEndian">Whether the elements' bytes are to be swapped.</param>
/// <param name="Start">Offset of the first element in the file.</param>
internal sealed record NumpyEntry(
    TensorDtype? Dtype, string Type, int[] Shape, bool IsColumnMajor, bool IsBigEndian, int Start) : TensorEntry(Dtype, Type, Shape)
{
    /// <summary>Opens the file that the array is in.</summary>
    public Func<Stream> Open { get; init; } = () => Stream.Null;
}
