using Ascl.Core.Diagnostics;
using Xunit;

namespace Ascl.Core.Tests.Files;

public sealed class NearestNameTests
{
    private static readonly string[] Models = ["resnet18", "resnet20", "preactresnet18", "smallcnn"];

    [Theory]
    [InlineData("resnet81", "resnet18")]
    [InlineData("ResNet20", "resnet20")]
    [InlineData("smalcn", "smallcnn")]
    [InlineData("preact-resnet18", "preactresnet18")]
    [InlineData("banana", null)]
    [InlineData("", null)]
    public void FindsTheNearest(string given, string? nearest) => Assert.Equal(nearest, NearestName.Of(given, Models));

    [Fact]
    public void SwappedLettersCountOnce() => Assert.Equal("hard", NearestName.Of("hadr", ["soft", "hard"]));

    [Fact]
    public void MessageNamesKindGivenNearestAndAll()
    {
        Assert.Equal(
            "unknown model 'resnet81': did you mean resnet18? (valid: resnet18, resnet20, preactresnet18, smallcnn)",
            NearestName.Unknown("model", "resnet81", Models).Message);
        Assert.Equal(
            "unknown model 'banana': valid: resnet18, resnet20, preactresnet18, smallcnn",
            NearestName.Unknown("model", "banana", Models).Message);
    }
}
