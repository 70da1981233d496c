namespace Ascl.Data;

/// <summary>Progress of opening a data set.</summary>
/// <param name="What">The current step, such as "decoding images", or a remark.</param>
/// <param name="Done">Number of images done.</param>
/// <param name="Total">Number of images in all; 0 where it is not known or nothing is counted.</param>
public readonly record struct DataProgress(string What, int Done, int Total);
