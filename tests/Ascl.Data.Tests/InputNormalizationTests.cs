using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

public sealed class InputNormalizationTests
{
    /// <summary>The constants of torchvision's documentation of its ImageNet weights.</summary>
    [Fact]
    public void ImageNetIsTorchvisions()
    {
        var (mean, std) = InputNormalization.Of("imagenet", 3, "test");
        Assert.Equal([0.485f, 0.456f, 0.406f], mean);
        Assert.Equal([0.229f, 0.224f, 0.225f], std);
    }

    [Theory]
    [InlineData("0.4914,0.4822,0.4465/0.2023,0.1994,0.2010", new[] { 0.4914f, 0.4822f, 0.4465f }, new[] { 0.2023f, 0.1994f, 0.2010f })]
    [InlineData("0.5/0.25", new[] { 0.5f, 0.5f, 0.5f }, new[] { 0.25f, 0.25f, 0.25f })]
    [InlineData(" 0, 0.5, 1 / 1 ", new[] { 0, 0.5f, 1 }, new[] { 1f, 1, 1 })]
    [InlineData("5e-1/2,3,4", new[] { 0.5f, 0.5f, 0.5f }, new[] { 2f, 3, 4 })]
    [InlineData("half", new[] { 0.5f, 0.5f, 0.5f }, new[] { 0.5f, 0.5f, 0.5f })]
    [InlineData("none", new float[0], new float[0])]
    public void NumbersAndNamesNeedNoImages(string text, float[] mean, float[] std)
    {
        InputNormalization.Check(text);
        Assert.False(InputNormalization.NeedsData(text));
        var found = InputNormalization.Of(text, 3, "test");
        Assert.Equal(mean, found.Mean);
        Assert.Equal(std, found.Std);
        Assert.Equal(found.Mean, InputNormalization.Of(text, Colours()).Mean);
    }

    [Fact]
    public void HalfFitsOneChannel() => Assert.Equal([0.5f], InputNormalization.Of("half", 1, "test").Std);

    [Fact]
    public void AutoTakesTheStatisticsOfTheData()
    {
        InputNormalization.Check("auto");
        DataSet data = Colours() with { KnownNormalization = ([0.1f, 0.2f, 0.3f], [1, 2, 3]) };
        Assert.Equal([0.1f, 0.2f, 0.3f], InputNormalization.Of("auto", data).Mean);
        Assert.Equal([1f, 2f, 3f], InputNormalization.Of("auto", data).Std);
        Assert.Contains("depends on the images", Refusal(() => InputNormalization.Of("auto", 3, "test")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("imagnet", "unknown normalize 'imagnet': did you mean imagenet?")]
    [InlineData("", "unknown normalize ''")]
    [InlineData("0.5", "M,M,M/S,S,S")]
    [InlineData("0.5/", "the standard deviation '' is not a number")]
    [InlineData("/0.5", "the mean '' is not a number")]
    [InlineData("0.5,x,0.5/1", "the mean 'x' is not a number")]
    [InlineData("0.5/NaN", "'NaN' is not a number")]
    [InlineData("0.5/1e99", "'1e99' is not a number")]
    [InlineData("0.5/0.5,0", "the standard deviation 0 must be at least 0.0001")]
    [InlineData("0.5/1e-30", "the standard deviation 1E-30 must be at least 0.0001")]
    [InlineData("0.5/-0.1", "the standard deviation -0.1 must be at least 0.0001")]
    [InlineData("125.3,123,113.9/63,62.1,66.7", "the mean 125.3 is not in [0, 1] as pixels are (of 0 to 255: divide all by 255)")]
    [InlineData("0.5/0.5/0.5", "has 2 strokes")]
    [InlineData("0.5,0.5/1,1,1", "has 2 means and 3 standard deviations")]
    public void InvalidTextIsRefusedInOneLine(string text, string problem) =>
        Assert.Contains(problem, Refusal(() => InputNormalization.Check(text)), StringComparison.Ordinal);

    [Theory]
    [InlineData("cifar10", 1, "is for 3 channels, test has 1")]
    [InlineData("mnist", 3, "is for 1 channel, test has 3")]
    [InlineData("0.5,0.5,0.5/1", 1, "is for 3 channels, test has 1")]
    [InlineData("0.5/1,1", 3, "is for 2 channels, test has 3")]
    public void TheNumberOfChannelsMustFit(string text, int channels, string problem)
    {
        InputNormalization.Check(text);
        Assert.Contains(problem, Refusal(() => InputNormalization.Of(text, channels, "test")), StringComparison.Ordinal);
    }

    [Fact]
    public void EveryNameIsValid() => Assert.All(InputNormalization.Names, InputNormalization.Check);

    private static DataSet Colours()
    {
        ImageSet images = new("colours", ["a", "b"], 3, 2, 2, [0, 1], Made.Bytes(24, 1));
        return new DataSet("colours", images, images, Augmentation.None);
    }

    private static string Refusal(Action action)
    {
        string message = Assert.Throws<UserErrorException>(action).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }
}
