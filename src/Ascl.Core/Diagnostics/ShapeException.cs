namespace Ascl.Core.Diagnostics;

/// <summary>Shapes that do not fit an operation. The message names the operation and the shapes.</summary>
public sealed class ShapeException(string message) : ArgumentException(message);
