namespace Ascl.Core.Diagnostics;

/// <summary>The shapes of an operation's operands do not match. The message names the operation and the shapes.</summary>
public sealed class ShapeException(string message) : ArgumentException(message);
