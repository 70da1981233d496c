namespace Ascl.Core.Diagnostics;

/// <summary>Something the user gave is wrong: the message says what and where in one line. The command line prints it without a stack trace and
/// ends with exit code 2.</summary>
public sealed class UserErrorException(string message, Exception? inner = null) : Exception(message, inner);
