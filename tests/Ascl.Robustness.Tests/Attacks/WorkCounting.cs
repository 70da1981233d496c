namespace Ascl.Robustness.Tests.Attacks;

/// <summary>Tests that count passes run alone: the count is the whole process's.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WorkCounting
{
    public const string Name = "work counting";
}
