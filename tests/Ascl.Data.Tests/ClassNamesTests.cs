using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

public sealed class ClassNamesTests
{
    [Theory]
    [InlineData("cat,dog", "cat,dog")]
    [InlineData("Cat, dog", "cat,DOG ")]
    [InlineData("T-shirt/top,Ankle boot", "t-shirt/top,ankle_boot")]
    [InlineData("pickup_truck,ray", "Pickup  Truck,ray")]
    // é and Ệ as one character, and as a letter with accents behind it.
    [InlineData("b\u00E9b\u00E9,\u1EC7", "be\u0301be\u0301,E\u0323\u0302")]
    [InlineData("\u304C,\u0439", "\u304B\u3099,\u0418\u0306")]
    // Only up to the shorter list: the number of classes is checked elsewhere.
    [InlineData("cat,dog,horse", "cat,dog")]
    // Numbers match any names.
    [InlineData("0,1,2", "cat,dog,horse")]
    [InlineData("cat,dog,horse", "0,1,2")]
    [InlineData("0,1,2", "1,2,3")]
    [InlineData("", "cat,dog")]
    public void EquivalentNamesAreAccepted(string weights, string data) => ClassNames.Check("w", Names(weights), "data", Names(data));

    [Fact]
    public void MissingNamesAreAccepted() => ClassNames.Check("w", null, "data", ["cat", "dog"]);

    [Theory]
    [InlineData("cat,dog", "dog,cat",
        "w: has the classes of data in another order: class 0 is 'cat' in the weights, 'dog' in the data, "
        + "class 1 is 'dog' in the weights, 'cat' in the data; set ignore-class-names")]
    [InlineData("bird,cat,dog", "bird,Cat,horse",
        "w: has other classes than data: class 2 is 'dog' in the weights, 'horse' in the data; set ignore-class-names")]
    // A folder's names sorted as text.
    [InlineData("0,1,2,10", "0,1,10,2", "another order: class 2 is '2' in the weights, '10' in the data, class 3")]
    [InlineData("0,1,cat", "cat,1,0", "another order: class 0 is '0' in the weights, 'cat' in the data")]
    [InlineData("a,b,c,d,e", "b,c,d,e,f", "class 2 is 'c' in the weights, 'd' in the data, and 2 more differ;")]
    [InlineData("caf\u00E9", "cafe", "class 0")]
    public void DifferentNamesAreRefused(string weights, string data, string problem)
    {
        string message = Assert.Throws<UserErrorException>(() => ClassNames.Check("w", Names(weights), "data", Names(data))).Message;
        Assert.Contains(problem, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static string[] Names(string list) => list.Length == 0 ? [] : list.Split(',');
}
