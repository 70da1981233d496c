using Ascl.Core.Settings;

namespace Ascl.Robustness.Objectives;

/// <summary>The objectives by name, each with its default settings.</summary>
public static class ObjectiveCatalog
{
    /// <summary>All objectives.</summary>
    public static IReadOnlyList<INamedSettings> All { get; } =
        [new NaturalObjective(), new PgdAtObjective(), new TradesObjective(), new MartObjective(), new ScoreObjective(), new HatObjective(),
            new IklObjective(), new FgsmMepObjective(), new AdrObjective(), new AsclObjective(), new SupConObjective(),
            new LinearObjective()];
}

/// <summary>The objectives that ASCL and ADR can add their terms to.</summary>
public static class BaseObjectives
{
    /// <summary>All objectives.</summary>
    public static IReadOnlyList<INamedSettings> All { get; } = [new PgdAtObjective(), new TradesObjective()];
}
