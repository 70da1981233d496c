namespace Ascl.Data.Tests;

public class DataSourceTests
{
    [Theory]
    [InlineData("fashon-mnist", "fashion-mnist")]
    [InlineData("cifar-10:x", "cifar10")]
    [InlineData("fodler:x", "folder")]
    [InlineData("Sample", "sample")]
    public void UnknownNamesSuggestTheNearest(string specification, string nearest) =>
        UserError.Expect(() => DataSource.Open(specification), specification.Split(':')[0], $"did you mean {nearest}?");

    [Theory]
    [InlineData("", "valid:")]
    [InlineData("cifar10", "needs a path")]
    [InlineData("folder", "needs a path")]
    [InlineData("file:", "missing")]
    [InlineData("sample:there", "no path")]
    [InlineData("folder:no/such/place", "no/such/place")]
    [InlineData("file:no/such/place.safetensors", "no/such/place.safetensors")]
    [InlineData("mnist:no/such/place", "no/such/place")]
    public void WrongSpecificationsAreExplained(string specification, string part) =>
        UserError.Expect(() => DataSource.Open(specification), part);

    [Fact]
    public void EveryFormIsKnown() => Assert.All(DataSource.Forms, form =>
    {
        Exception? refusal = Record.Exception(() => DataSource.Open(form.Split('[', ':')[0] + ":no/such/place"));
        Assert.NotNull(refusal);
        Assert.DoesNotContain("unknown", refusal.Message);
    });
}
