using System.Xml.Linq;
using Ascl.Data;
using Ascl.Robustness.Reporting;
using Xunit;

namespace Ascl.Robustness.Tests.Reporting;

public sealed class HtmlPageTests
{
    [Fact]
    public void TextIsEscapedAndNumbersAreRightAligned()
    {
        string page = new HtmlPage("a <b> & \"c\"").Paragraph("x < y")
            .Table(["name", "%"], [["cats & dogs", "12.5"], ["<i>", "–"]]).ToString();
        XElement html = Body(page);
        Assert.Equal("a <b> & \"c\"", html.Element("h1")!.Value);
        Assert.Equal("x < y", html.Element("p")!.Value);
        XElement[] cells = [.. html.Descendants("td")];
        Assert.Equal(["cats & dogs", "12.5", "<i>", "–"], cells.Select(c => c.Value));
        Assert.Equal([null, "n", null, "n"], cells.Select(c => c.Attribute("class")?.Value));
    }

    [Fact]
    public void HeatMapsShadeEachCellByItsShareOfTheRow()
    {
        int[,] counts = AttackPredictions.Confusion([0, 0, 0, 1], [0, 0, 1, 1], 2);
        Assert.Equal((2, 1, 0, 1), (counts[0, 0], counts[0, 1], counts[1, 0], counts[1, 1]));
        XElement map = XElement.Parse(HtmlPage.HeatMap("a & b", ["<x>", "y"], counts));
        Assert.Equal(["2", "1", "0", "1"], map.Descendants("td").Select(c => c.Value));
        Assert.Equal(["0.67", "0.33", "0.00", "1.00"],
            map.Descendants("td").Select(c => c.Attribute("style")!.Value.Split(", ")[^1].TrimEnd(')')));
        Assert.Equal("a & b", map.Element("figcaption")!.Value);
    }

    [Fact]
    public void ChartsAreXmlWithEveryLineAndNamesOfTheirOwn()
    {
        string one = Chart.Lines("A & B", "epoch", "% of <all>",
            [new("first <1>", [(1, 2), (2, null), (3, 5)]), new("empty", [(1, null)]), new("second", [(1, 1)], true)]);
        XElement svg = XElement.Parse(one);
        string[] texts = [.. svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value)];
        Assert.All(new[] { "A & B", "epoch", "% of <all>", "first <1>", "second" }, text => Assert.Contains(text, texts));
        Assert.DoesNotContain("empty", texts);

        // Two charts of one page: a name must not be taken for the other's.
        XElement other = XElement.Parse(Chart.Bars("Other", "x", [("a", 1), ("b", 2)]));
        Assert.Empty(Ids(svg).Intersect(Ids(other)));
        Assert.NotEmpty(Ids(svg));
    }

    [Fact]
    public void EncodedPngKeepsItsPixels()
    {
        byte[] png = PngImage.Encode([0, 1, 0.5f, -3, 0, 0, 2, 0, 0.2f, 0, 0, 1], 3, 2, 2);
        using MemoryStream file = new(png);
        var image = StbImageSharp.ImageResult.FromStream(file, StbImageSharp.ColorComponents.RedGreenBlue);
        Assert.Equal((2, 2), (image.Width, image.Height));
        Assert.Equal([0, 0, 51, 255, 0, 0, 128, 255, 0, 0, 0, 255], image.Data);
    }

    /// <summary>In a page every colour is one of its variables, and each of them is there in light and dark; a file has its own.</summary>
    [Fact]
    public void ChartsUseThePagesColours()
    {
        string chart = Chart.Lines("A", "epoch", "%", Enumerable.Range(1, 7).Select(line => new ChartLine($"{line}", [(1, 2), (2, line)])));
        string bars = Chart.Bars("B", "%", [("a", 1)]);
        string page = new HtmlPage("charts").Row([HtmlPage.Figure(chart), HtmlPage.Figure(bars)]).ToString();
        string body = Body(page).ToString();
        string style = page[page.IndexOf("<style>", StringComparison.Ordinal)..page.IndexOf("</style>", StringComparison.Ordinal)];
        Assert.All(new[] { "rgb(", "black", "white", "#" },
            colour => Assert.DoesNotContain(colour, body.Replace("url(#", "url(", StringComparison.Ordinal), StringComparison.Ordinal));
        string[] used = [.. body.Split("var(")[1..].Select(rest => rest[..rest.IndexOf(')', StringComparison.Ordinal)]).Distinct()];
        Assert.Equal(10, used.Length);
        Assert.All(used, name => Assert.Equal(3, style.Split($"{name}: #").Length));
        Assert.DoesNotContain("var(", chart + bars, StringComparison.Ordinal);
    }

    /// <summary>
    /// Tables scroll in a box of their own; with many columns the names of numbers stand upright, and long texts may be broken.
    /// </summary>
    [Fact]
    public void WideTablesStayInTheirBoxes()
    {
        string[] classes = [.. Enumerable.Range(0, 30).Select(i => $"class {i}")];
        XElement body =
            Body(new HtmlPage("wide").Table(["name", .. classes], [["a name of more than 24 characters", .. classes.Select(_ => "1.5")]])
                .Add(HtmlPage.HeatMap("map", classes, new int[30, 30])).ToString());
        Assert.All(body.Descendants("table"), table => Assert.Contains("wide", table.Parent!.Attribute("class")!.Value.Split(' ')));
        XElement[] header = [.. body.Descendants("table").First().Descendants("th")];
        Assert.Equal(["l", .. classes.Select(_ => "n up")], header.Select(cell => cell.Attribute("class")!.Value));
        Assert.Equal(["name", .. classes], header.Select(cell => cell.Value));
        Assert.Equal("wide tall", body.Element("figure")!.Element("div")!.Attribute("class")!.Value);
    }

    private static string[] Ids(XElement svg) => [.. svg.Descendants().Attributes("id").Select(a => a.Value)];

    private static XElement Body(string page)
    {
        int begin = page.IndexOf("<body>", StringComparison.Ordinal);
        return XElement.Parse(page[begin..(page.IndexOf("</body>", StringComparison.Ordinal) + "</body>".Length)]);
    }
}
