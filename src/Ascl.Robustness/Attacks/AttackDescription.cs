using System.Text.Json.Nodes;
using Ascl.Core.Settings;

namespace Ascl.Robustness.Attacks;

/// <summary>What an attack does, by name, as stored with trainings and evaluations.</summary>
internal static class AttackDescription
{
    /// <summary>Name, ball and step size as "attack", and the attack's own settings as "attack.NAME".</summary>
    public static JsonObject Of(IAttack attack)
    {
        string steps = attack.StepSize is { } size ? $", steps of {size}" : "";
        JsonObject all = new() { ["attack"] = $"{attack.Name}, {NameText.Of(attack.Norm)} {NumberText.Of(attack.Epsilon)}{steps}" };
        foreach (var (key, value) in SettingTree.ToJson(attack))
            all[$"attack.{key}"] = value?.DeepClone();
        return all;
    }

    /// <summary>The same as one text.</summary>
    public static string Text(PlannedAttack planned) => string.Join(", ",
        Of(planned.Attack).Select(pair => pair.Key == "attack" ? $"{pair.Value}" : $"{pair.Key[7..]} {NumberText.Of(pair.Value)}")
            .Append($"{planned.Restarts} restarts"));
}
