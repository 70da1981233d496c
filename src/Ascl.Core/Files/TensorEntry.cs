namespace Ascl.Core.Files;

/// <summary>A tensor in a file.</summary>
/// <param name="Dtype">Element type; null for one that is not read.</param>
/// <param name="Type">The element type as the file names it.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
internal abstract record TensorEntry(TensorDtype? Dtype, string Type, int[] Shape);
