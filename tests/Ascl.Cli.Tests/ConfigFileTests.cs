using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Verbs;
using Ascl.Core.Diagnostics;
using Xunit;

namespace Ascl.Cli.Tests;

public sealed class ConfigFileTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Theory]
    [InlineData("""{"sede": 3}""", ": unknown key 'sede'")]
    [InlineData("""{"confgi": "x"}""", ": unknown key 'confgi'")]
    [InlineData("""{"config": "x"}""", ": unknown key 'config'")]
    [InlineData("{", ": not valid JSON: ")]
    [InlineData("", ": is empty")]
    [InlineData("[]", ": not a JSON object")]
    [InlineData("""{"a": 1, "a": 2}""", ": not valid JSON: ")]
    public void InvalidFileIsAOneLineError(string json, string message)
    {
        File.WriteAllText(path, json);
        Assert.StartsWith(path + message, AsclProcess.RefusalInProcess("devices", "--config", path));
    }

    [Fact]
    public void MissingFileIsAOneLineError() =>
        Assert.Equal("cannot read nowhere.json: no such file", AsclProcess.RefusalInProcess("devices", "--config=nowhere.json"));

    [Fact]
    public void UnknownKeySuggestsTheNearest() =>
        Assert.Equal($"{path}: unknown key 'attack_steps': did you mean attack-steps?", Refusal("""{"attack_steps": 3}"""));

    [Fact]
    public void ValuesOfEveryKindAreRead()
    {
        JsonObject given = Read("""
            {"epochs": 3, "epsilon": "8/255", "step-size": 0.01, "model": "resnet18", "early-stop": false,
             "milestones": [1, 2], /* a comment */ "seed": 18446744073709551615, "lr": 1e-2, "strategy": null, "out": "a = b -- c"}
            """).Given();
        JsonObject expected = new()
        {
            ["epochs"] = 3,
            ["epsilon"] = 8 / 255.0,
            ["step-size"] = 0.01,
            ["model"] = "resnet18",
            ["early-stop"] = false,
            ["milestones"] = new JsonArray(1, 2),
            ["seed"] = ulong.MaxValue,
            ["lr"] = 0.01,
            ["out"] = "a = b -- c",
        };
        Assert.True(JsonNode.DeepEquals(expected, given), given.ToJsonString());
    }

    [Theory]
    [InlineData("--epochs", "5")]
    [InlineData("--epochs=5")]
    public void CommandLineOverridesFile(params string[] arguments)
    {
        JsonObject given = Read("""{"epochs": 3, "batch": 7}""", arguments).Given();
        Assert.Equal((5, 7), (given["epochs"]!.GetValue<int>(), given["batch"]!.GetValue<int>()));
    }

    [Theory]
    [InlineData("""{"epochs": "many"}""", "option --epochs: 'many' is not a whole number")]
    [InlineData("""{"epochs": 2.5}""", "option --epochs: '2.5' is not a whole number")]
    [InlineData("""{"early-stop": 7}""", "option --early-stop: '7' is not true or false")]
    [InlineData("""{"epsilon": -1}""", "option --epsilon: '-1' is negative")]
    [InlineData("""{"epsilon": {}}""", "epsilon is an object: must be a single value")]
    [InlineData("""{"milestones": [1, "x"]}""", "option --milestones: '1,x' is not a list of whole numbers such as 100,105")]
    public void InvalidValueErrorNamesFileAndOption(string json, string message) => Assert.Equal($"{path}: {message}", Refusal(json));

    private TrainVerb Read(string json, params string[] arguments)
    {
        File.WriteAllText(path, json);
        return ArgumentReader.Read<TrainVerb>("train", ["--config", path, .. arguments]);
    }

    private string Refusal(string json) => Assert.Throws<UserErrorException>(() => Read(json)).Message;
}
