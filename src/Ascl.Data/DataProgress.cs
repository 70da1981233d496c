namespace Ascl.Data;

/// <summary>How far the opening of a data set has come.</summary>
/// <param name="What">What is being done, or a remark.</param>
/// <param name="Total">Steps there are; 0 where that is not known or there is nothing to count.</param>
public readonly record struct DataProgress(string What, int Done, int Total);
