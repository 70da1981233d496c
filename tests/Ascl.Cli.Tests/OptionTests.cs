using System.Reflection;
using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Verbs;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;
using CommandLine;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class OptionTests
{
    public static TheoryData<Type> VerbClasses =>
        new(typeof(IVerb).Assembly.GetTypes().Where(type => type.GetCustomAttribute<VerbAttribute>() is not null));

    [Theory]
    [InlineData("8/255", 8 / 255.0)]
    [InlineData("0.031", 0.031)]
    [InlineData("1e-2", 0.01)]
    [InlineData("0", 0)]
    [InlineData("1/2", 0.5)]
    public void FractionsAreParsed(string text, double value)
    {
        Assert.Equal(value, new Fraction(text).Value);
        Assert.Equal(text, new Fraction(text).ToString());
    }

    [Theory]
    [InlineData("-8/255", "'-8/255' is negative")]
    [InlineData("-0.1", "'-0.1' is negative")]
    [InlineData("8/0", "'8/0' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("0/0", "'0/0' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("8/", "'8/' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("8/255/2", "'8/255/2' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("0,031", "'0,031' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("eight", "'eight' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("NaN", "'NaN' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("Infinity", "'Infinity' is not a number such as 0.031, 1e-2 or 8/255")]
    [InlineData("1e999", "'1e999' is not a number such as 0.031, 1e-2 or 8/255")]
    public void InvalidFractionErrorNamesTheOption(string text, string problem)
    {
        Assert.Equal($"option --epsilon: {problem}", Refusal("--epsilon", text));
        Assert.Equal($"option --epsilon: {problem}", Refusal($"--epsilon={text}"));
    }

    [Theory]
    [InlineData(8 / 255.0, "8/255")]
    [InlineData(2 / 255.0, "2/255")]
    [InlineData(0.2, "0.2")]
    [InlineData(0.031, "0.031")]
    [InlineData(1, "1")]
    [InlineData(0, "0")]
    [InlineData(Math.PI, "3.141592653589793")]
    public void GreyLevelsAreShownAsFractionsOf255(double value, string text) => Assert.Equal(text, NumberText.Of(value));

    [Theory]
    [InlineData("option --epochs: 'x' is not a whole number", "--epochs", "x")]
    [InlineData("option --epochs: '1,000' is not a whole number", "--epochs", "1,000")]
    [InlineData("option --epochs: '99999999999' is not a whole number", "--epochs", "99999999999")]
    [InlineData("option --seed: '-1' is not a non-negative whole number", "--seed", "-1")]
    [InlineData("option --epochs is given twice", "--epochs", "1", "--epochs", "2")]
    [InlineData("option --epochs needs a value", "--epochs", "--batch", "3")]
    [InlineData("unknown option '--attack-step': did you mean --attack-steps? (ascl train --help lists them)", "--attack-step", "3")]
    [InlineData("'fashion-mnist' is an unexpected argument (ascl train --help)", "fashion-mnist")]
    public void InvalidOptionErrorNamesTheOption(string message, params string[] arguments) => Assert.Equal(message, Refusal(arguments));

    [Fact]
    public void MissingArgumentErrorNamesTheArgument()
    {
        Assert.Equal(
            "option --weights is missing (ascl evaluate --help)",
            Assert.Throws<UserErrorException>(() => ArgumentReader.Read<EvaluateVerb>("evaluate", [])).Message);
        Assert.Equal(
            "ascl verify needs an argument (ascl verify --help)",
            Assert.Throws<UserErrorException>(() => ArgumentReader.Read<VerifyVerb>("verify", [])).Message);
    }

    [Fact]
    public void VerifyAcceptsSeveralFiles() =>
        Assert.Equal(["a", "b", "-c"], ArgumentReader.Read<VerifyVerb>("verify", ["--threads", "2", "a", "b", "--", "-c"]).Files);

    [Fact]
    public void TrainHasAnOptionForEachSettingOfARun() =>
        Assert.Equal(
            RunConfig.Settings.Select(setting => setting.Name)
                .Concat(["budget", "config", "cuda-graphs", "device", "mpi", "mpi-timeout", "preset", "list-presets"]).Order(),
            VerbOption.Of(typeof(TrainVerb)).Select(option => option.Name).Order());

    /// <summary>For every preset: its options exist and are valid, help and list name it, and other options override it.</summary>
    [Fact]
    public void PresetsAreValidAndOptionsOverrideThem()
    {
        Assert.Equal(TrainPresets.Names.Replace(" or ", ", "), string.Join(", ", TrainPresets.All.Keys));
        foreach (string preset in TrainPresets.All.Keys)
        {
            RunConfig run = ArgumentReader.Read<TrainVerb>("train", ["--preset", preset]).ToRunConfig();
            foreach (string[] option in TrainPresets.Options(preset).Chunk(2))
                Assert.Contains(RunConfig.Settings, setting => setting.Name == option[0][2..]);
            RunConfig other = ArgumentReader.Read<TrainVerb>("train", ["--lr", "0.3", $"--preset={preset}", "--seed", "9"]).ToRunConfig();
            JsonObject expected = run.ToJson();
            (expected["lr"], expected["seed"]) = (0.3, 9);
            Assert.Equal(expected.ToJsonString(), other.ToJson().ToJsonString());
            Assert.Contains($"{preset}: ", TrainPresets.List());
        }
        RunConfig trades = ArgumentReader.Read<TrainVerb>("train", ["--preset", "trades"]).ToRunConfig();
        Assert.Equal(("trades", 6, 76, 0.031, TrainingStart.Gaussian), (trades.Method.Name, ((TradesObjective)trades.Method).Beta,
            trades.Training.Epochs, trades.Attack.Epsilon, trades.Attack.Start));
        Assert.StartsWith(
            "unknown preset 'trade': did you mean trades?",
            Assert.Throws<UserErrorException>(() => ToRunConfig("--preset", "trade")).Message);
    }

    [Fact]
    public void TrainOptionsConfigureTheRun()
    {
        RunConfig run = ArgumentReader.Read<TrainVerb>("train",
        [
            "--epsilon", "4/255", "--method=trades", "--schedule", "piecewise", "--milestones", "3,4",
            "--epochs", "5", "--early-stop", "true", "--seed", "7",
        ]).ToRunConfig();
        Assert.Equal((4 / 255.0, "trades", 5, true, 7ul),
            (run.Attack.Epsilon, run.Method.Name, run.Training.Epochs, run.Attack.EarlyStop, run.Training.Seed));
        Assert.Equal([3, 4], ((PiecewiseSchedule)run.Schedule).Milestones);
        Assert.Equal(new RunConfig().Training.Batch, run.Training.Batch);
    }

    [Fact]
    public void GivenHoldsOnlyExplicitOptions() =>
        Assert.True(JsonNode.DeepEquals(
            new JsonObject { ["resume"] = "runs/a", ["threads"] = 2 },
            ArgumentReader.Read<TrainVerb>("train", ["--threads", "2", "--resume", "runs/a"]).Given()));

    [Fact]
    public void UnknownNameSuggestsTheNearest() =>
        Assert.Equal(
            "unknown strategy 'leeked': did you mean leaked? (valid: global, hard, soft, leaked, merge)",
            Assert.Throws<UserErrorException>(() => ToRunConfig("--strategy", "leeked")).Message);

    [Theory]
    [MemberData(nameof(VerbClasses))]
    public void HelpListsAllOptionsAndItsExamplesParse(Type verb)
    {
        VerbAttribute attribute = verb.GetCustomAttribute<VerbAttribute>()!;
        string page = HelpPage.OfVerb(attribute.Name, attribute.HelpText, verb);
        Assert.NotEmpty(verb.GetCustomAttributes<ExampleAttribute>());
        Assert.All(VerbOption.Of(verb), option => Assert.Contains($"\n  --{option.Name}", page));
        Assert.All(VerbOption.Of(verb), option => Assert.False(string.IsNullOrEmpty(option.Attribute.HelpText)));
        MethodInfo read = typeof(ArgumentReader).GetMethod(nameof(ArgumentReader.Read))!.MakeGenericMethod(verb);
        foreach (ExampleAttribute example in verb.GetCustomAttributes<ExampleAttribute>())
        {
            string[] arguments = [.. example.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
            if (!arguments.Contains("--config"))
                read.Invoke(null, [attribute.Name, arguments]);
        }
    }

    private static RunConfig ToRunConfig(params string[] arguments) => ArgumentReader.Read<TrainVerb>("train", arguments).ToRunConfig();

    private static string Refusal(params string[] arguments) =>
        Assert.Throws<UserErrorException>(() => ArgumentReader.Read<TrainVerb>("train", arguments)).Message;
}
