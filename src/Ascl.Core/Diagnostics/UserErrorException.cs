namespace Ascl.Core.Diagnostics;

/// <summary>
/// An error in the user's input: one line that says what is wrong and where. The command line prints it without a stack trace and exits
/// with code 2.
/// </summary>
public class UserErrorException(string message, Exception? inner = null) : Exception(message, inner);
