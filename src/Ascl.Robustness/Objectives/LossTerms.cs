using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;

namespace Ascl.Robustness.Objectives;

/// <summary>Checks and sums loss terms.</summary>
public static class LossTerms
{
    /// <summary>Σ Weight·Value.</summary>
    public static Tensor Total(this IReadOnlyList<LossTerm> terms) =>
        terms.Skip(1).Aggregate(terms[0].Value.Scale((float)terms[0].Weight), (sum, term) => sum.AddScaled(term.Value, (float)term.Weight));

    /// <summary>The terms of an objective on a batch, if training can use them.</summary>
    /// <exception cref="UserErrorException">There are none, one is not a value, two have one name, none depends on the network, or they use
    /// outputs that the objective does not ask for; the message names objective and term.</exception>
    public static IReadOnlyList<LossTerm> Of(IObjective objective, ObjectiveInput input)
    {
        IReadOnlyList<LossTerm>? terms = Asked(objective, input);
        if (terms is null || terms.Count == 0)
            throw Error("has no terms: a loss needs at least one");
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (var (i, term) in terms.Index())
        {
            if (term?.Value is null)
                throw Error($"the term {(term is null ? $"{i + 1} of {terms.Count}" : term.Name)} is null");
            if (!names.Add(term.Name))
                throw Error($"two terms are named {term.Name}");
            if (term.Value.Shape.Length != 1)
                throw Error($"the term {term.Name} is {term.Value.Shape}, not one value: take its mean or sum");
        }
        return terms.Any(term => term.Value.RequiresGrad) ? terms : throw Error(
            $"no term depends on the trained weights by recorded ops ({string.Join(", ", names)}): nothing would be trained");

        UserErrorException Error(string problem) => new($"objective {objective.Name}: {problem}");
    }

    private static IReadOnlyList<LossTerm>? Asked(IObjective objective, ObjectiveInput input)
    {
        try
        {
            return objective.Terms(input);
        }
        catch (NullReferenceException e) when (input.Natural is null || input.Adversarial is null)
        {
            string missing = input.Natural is null
                ? $"natural images, which are passed through the network only if {nameof(IObjective.NeedsNatural)} is true"
                : $"adversarial images, which are crafted only if {nameof(IObjective.Attack)} names a loss";
            throw new UserErrorException($"objective {objective.Name}: a term uses the outputs for {missing}", e);
        }
    }
}
