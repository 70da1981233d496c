using StbImageSharp;

namespace Ascl.Data.Tests;

public sealed class ContactSheetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void ShowsARowAClass(int channels)
    {
        // Classes 0 1 2 0 1 2 0: two columns, four rows; row 3 goes on with class 0, whose third image is number 6.
        ImageSet set = Made.Set(7, classes: 3, channels);
        ContactSheet.Write(set, folder["sheet.png"], columns: 2, rows: 4);
        ImageResult sheet = ImageResult.FromMemory(File.ReadAllBytes(folder["sheet.png"]));
        Assert.Equal((2 * 7 + 2, 4 * 6 + 2, (ColorComponents)channels), (sheet.Width, sheet.Height, sheet.SourceComp));
        int?[,] expected = { { 0, 3 }, { 1, 4 }, { 2, 5 }, { 6, null } };
        for (int row = 0; row < 4; row++)
        {
            for (int column = 0; column < 2; column++)
            {
                float[]? image = expected[row, column] is { } index ? Made.Image(set, index) : null;
                for (int i = 0; i < set.ImageLength; i++)
                {
                    int x = 2 + column * 7 + i % 5, y = 2 + row * 6 + i / 5 % 4;
                    int value = sheet.Data[(y * sheet.Width + x) * channels + i / 20];
                    Assert.Equal(image is null ? 128 : (int)MathF.Round(image[i] * 255), value);
                }
            }
        }
    }

    [Fact]
    public void UnwritablePlaceIsNamed() =>
        UserError.Expect(() => { ContactSheet.Write(Made.Set(3), folder["no/such/sheet.png"], 1, 1); return null; }, "sheet.png");
}
