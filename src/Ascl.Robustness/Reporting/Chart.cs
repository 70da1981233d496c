using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Ascl.Robustness.Reporting;

/// <summary>A line of a chart. A null value leaves a gap.</summary>
/// <param name="Name">Name in the legend.</param>
/// <param name="Points">From left to right.</param>
/// <param name="IsEmphasised">Whether the line is drawn thicker.</param>
public sealed record ChartLine(string Name, IReadOnlyList<(double X, double? Y)> Points, bool IsEmphasised = false);

/// <summary>Creates charts as SVG.</summary>
public static class Chart
{
    private const int Width = 560, Height = 340;

    /// <summary>A palette that is safe for colour-blind readers (Okabe and Ito 2008), lighter on a dark background.</summary>
    private static readonly PageColour[] Colours =
    [
        new("line-1", "#0072B2", "#3D9BE0"), new("line-2", "#D55E00", "#F0803C"), new("line-3", "#009E73", "#1FBF8F"),
        new("line-4", "#CC79A7", "#E39AC4"),
        new("line-5", "#E69F00", "#F2B630"), new("line-6", "#56B4E9", "#9AD8F8"), new("ink", "#000000", "#E4E6EA"),
    ];

    private static readonly PageColour Ground = new("ground", "#FFFFFF", "#1F2228"), Grid = new("grid", "#E6E6E6", "#383D47"),
        Frame = new("frame", "#808080", "#8A919E");

    /// <summary>A line chart as a standalone SVG element. Lines without points are left out.</summary>
    /// <param name="categories">Names of x = 0, 1, 2, …; null if x is numeric.</param>
    public static string Lines(string title, string xTitle, string yTitle, IEnumerable<ChartLine> lines,
        IReadOnlyList<string>? categories = null)
    {
        PlotModel model = Titled(title);
        ChartLine[] all = [.. lines];
        model.Legends.Add(new Legend
        {
            LegendPlacement = LegendPlacement.Outside,
            LegendPosition = LegendPosition.BottomCenter,
            LegendOrientation = LegendOrientation.Horizontal,
            LegendFontSize = 11
        });
        bool isWhole = all.All(line => line.Points.All(p => double.IsInteger(p.X)));
        model.Axes.Add(categories is null
            ? Axis(AxisPosition.Bottom, xTitle, minimumStep: isWhole ? 1 : 0)
            : new CategoryAxis { Position = AxisPosition.Bottom, Title = xTitle, ItemsSource = categories, Angle = -35, FontSize = 10 });
        model.Axes.Add(Axis(AxisPosition.Left, yTitle));
        foreach (var (i, line) in all.Where(line => line.Points.Any(p => p.Y is not null)).Index())
        {
            LineSeries series = new()
            {
                Title = line.Name,
                Color = Colours[i % Colours.Length].Light,
                StrokeThickness = line.IsEmphasised ? 3 : 1.5,
                MarkerType = MarkerType.Circle,
                MarkerSize = line.IsEmphasised ? 3 : 2
            };
            series.Points.AddRange(line.Points.Select(p => new DataPoint(p.X, p.Y ?? double.NaN)));
            model.Series.Add(series);
        }
        return Svg(model);
    }

    /// <summary>Values with intervals around them, one below the other, and a line at 0.</summary>
    /// <param name="rows">From top to bottom: name, value, half the width of its interval.</param>
    public static string Intervals(string title, string xTitle, IReadOnlyList<(string Name, double Value, double HalfWidth)> rows)
    {
        PlotModel model = Titled(title);
        model.Axes.Add(new CategoryAxis
        {
            Position = AxisPosition.Left,
            ItemsSource = rows.Select(row => row.Name).Reverse().ToArray(),
            FontSize = 10,
        });
        model.Axes.Add(Axis(AxisPosition.Bottom, xTitle));
        foreach (var (i, row) in rows.Reverse().Index())
        {
            LineSeries interval = new() { Color = Colours[0].Light, StrokeThickness = 1.5 };
            interval.Points.AddRange([new(row.Value - row.HalfWidth, i), new(row.Value + row.HalfWidth, i)]);
            model.Series.Add(interval);
        }
        ScatterSeries values = new() { MarkerType = MarkerType.Circle, MarkerSize = 3, MarkerFill = Colours[0].Light };
        values.Points.AddRange(rows.Reverse().Select((row, i) => new ScatterPoint(row.Value, i)));
        model.Series.Add(values);
        LineSeries zero = new() { Color = Frame.Light, StrokeThickness = 1, LineStyle = LineStyle.Dash };
        zero.Points.AddRange([new(0, -0.5), new(0, rows.Count - 0.5)]);
        model.Series.Add(zero);
        return Svg(model);
    }

    /// <summary>A scatter plot of several groups, each in its own colour.</summary>
    public static string Points(string title, string xTitle, string yTitle,
        IEnumerable<(string Name, IReadOnlyList<(double X, double Y)> Points)> groups, double markerSize = 2)
    {
        PlotModel model = Titled(title);
        model.Legends.Add(new Legend
        {
            LegendPlacement = LegendPlacement.Outside,
            LegendPosition = LegendPosition.RightTop,
            LegendFontSize = 11
        });
        model.Axes.Add(Axis(AxisPosition.Bottom, xTitle));
        model.Axes.Add(Axis(AxisPosition.Left, yTitle));
        foreach (var (i, group) in groups.Index())
        {
            // More groups than colours: hues around the circle.
            ScatterSeries series = new()
            {
                Title = group.Name,
                MarkerType = MarkerType.Circle,
                MarkerSize = markerSize,
                MarkerFill = OxyColor.FromHsv(i * 0.618034 % 1, 0.85, i % 2 == 0 ? 0.8 : 0.55)
            };
            series.Points.AddRange(group.Points.Select(p => new ScatterPoint(p.X, p.Y)));
            model.Series.Add(series);
        }
        return Svg(model, 440);
    }

    /// <summary>A chart of horizontal bars, the first at the top, each with its name beside it.</summary>
    public static string Bars(string title, string yTitle, IReadOnlyList<(string Name, double Value)> bars)
    {
        PlotModel model = Titled(title);
        model.Axes.Add(new CategoryAxis
        {
            Position = AxisPosition.Left,
            StartPosition = 1,
            EndPosition = 0,
            ItemsSource = bars.Select(b => b.Name).ToArray(),
            FontSize = 9,
            GapWidth = 0.3
        });
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Bottom,
            Title = yTitle,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = Grid.Light,
            Minimum = 0
        });
        BarSeries series = new() { FillColor = Colours[0].Light };
        series.Items.AddRange(bars.Select(b => new BarItem(b.Value)));
        model.Series.Add(series);
        return Svg(model, Math.Max(Height, 80 + 15 * bars.Count));
    }

    /// <summary>A chart for embedding in a page: its colours become the page's <see cref="CssVariables"/>. Standalone files keep fixed
    /// colours, because not every SVG viewer supports variables.</summary>
    public static string InPage(string svg)
    {
        foreach (PageColour colour in (PageColour[])[.. Colours, Ground, Grid, Frame])
            svg = svg.Replace($"rgb({colour.Light.R},{colour.Light.G},{colour.Light.B})", $"var(--{colour.Name})",
                StringComparison.Ordinal);
        return svg.Replace(":black", ":var(--ink)", StringComparison.Ordinal)
            .Replace(" fill=\"black\"", " style=\"fill:var(--ink)\"", StringComparison.Ordinal);
    }

    /// <summary>CSS variables with the colours of charts.</summary>
    public static string CssVariables(bool isDark) =>
        string.Join("; ",
            Colours.Append(Ground).Append(Grid).Append(Frame)
                .Select(colour => $"--{colour.Name}: {(isDark ? colour.Dark : colour.InFile)}"));

    /// <param name="Name">Name of the CSS variable.</param>
    /// <param name="InFile">Colour in files and on a light background.</param>
    private sealed record PageColour(string Name, string InFile, string Dark)
    {
        public OxyColor Light { get; } = OxyColor.Parse(InFile);
    }

    /// <summary>Leaves room for text in a browser's font, which may be wider than Helvetica, which OxyPlot measures with.</summary>
    private sealed class WideText(double width, double height) : PdfRenderContext(width, height, OxyColors.Transparent)
    {
        private const double Wider = 1.45, Higher = 1.3;

        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            OxySize size = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new(size.Width * Wider, size.Height * Higher);
        }
    }

    private static PlotModel Titled(string title) =>
        new()
        {
            Title = title,
            TitleFontSize = 14,
            TitleFontWeight = 600,
            DefaultFont = "sans-serif",
            Background = Ground.Light,
            PlotAreaBorderColor = Frame.Light
        };

    private static LinearAxis Axis(AxisPosition position, string title, double minimumStep = 0) => new()
    {
        Position = position,
        Title = title,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = Grid.Light,
        MinorTickSize = 0,
        AxisTitleDistance = 12,
        IntervalLength = 40,
        MinimumMajorStep = minimumStep,
        MaximumPadding = 0.03,
        MinimumPadding = 0.03,
    };

    private static string Svg(PlotModel model, int height = Height)
    {
        string svg = new SvgExporter
        {
            Width = Width,
            Height = height,
            UseVerticalTextAlignmentWorkaround = true,
            TextMeasurer = new WideText(Width, height)
        }.ExportToString(model);
        // An embedded SVG has no XML declaration; a size in pixels would keep the chart from scaling with the window.
        string element = svg[svg.IndexOf("<svg", StringComparison.Ordinal)..];
        element = element.Replace($"<svg width=\"{Width}\" height=\"{height}\"", $"<svg viewBox=\"0 0 {Width} {height}\"",
            StringComparison.Ordinal);
        // Ids of clipping paths are global in a page: two charts must not share them.
        string own = string.Concat(model.Title.Where(char.IsAsciiLetterOrDigit));
        return element.Replace("\"clipPath", $"\"{own}-clip", StringComparison.Ordinal)
            .Replace("url(#clipPath", $"url(#{own}-clip", StringComparison.Ordinal);
    }
}
