using Ascl.Data;
using Ascl.Core.Settings;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Reporting;

/// <summary>
/// Reports in a browser: on a screen, a narrow window and a telephone, in light and dark, all is inside the page or scrolls in a box that
/// shows it, and every text can be read.
/// </summary>
public sealed class PageLayoutTests(PageLayoutTests.Pages pages) : IClassFixture<PageLayoutTests.Pages>
{
    public static IEnumerable<object[]> Views =>
        from page in new[] { "ten.html", "hundred.html", "evaluation.html" }
        from width in new[] { 1280, 800, 390 }
        from scheme in new[] { "light", "dark" }
        select new object[] { page, width, scheme };

    [BrowserTheory, MemberData(nameof(Views))]
    public void EverythingFitsOrScrollsAndIsReadable(string page, int width, string scheme)
    {
        pages.Browser.Open(pages.PathOf(page), width, scheme);
        Assert.Equal(width, pages.Browser.Evaluate("innerWidth")!.GetValue<int>());
        string problems = string.Join('\n', pages.Browser.Evaluate(Measure)!.AsArray().Select(problem => problem!.GetValue<string>()));
        Assert.True(problems.Length == 0, problems);
        // The page follows the scheme, and its charts do.
        double[] brightness = [.. pages.Browser.Evaluate(Grounds)!.AsArray().Select(value => value!.GetValue<double>())];
        Assert.True(brightness.Length > 1);
        Assert.All(brightness, value => Assert.InRange(value, scheme == "dark" ? 0 : 240, scheme == "dark" ? 60 : 255));
    }

    /// <summary>The measurements themselves: each sees what it is for.</summary>
    [BrowserTheory]
    [InlineData("<p style=\"width: 900px\">wide</p>", "the page is")]
    [InlineData("<div style=\"overflow: hidden\"><p style=\"width: 900px\">wide</p></div>", "reaches from")]
    [InlineData("<p style=\"width: 50px\">Donaudampfschifffahrtsgesellschaft</p>", "is 50 wide")]
    [InlineData("<div class=\"wide\" style=\"overflow: hidden\"><p style=\"width: 900px\">wide</p></div>", "hides what is wider")]
    [InlineData("<table><tr><td><span style=\"position: relative; left: 90px\">away</span></td></tr></table>", "leaves its cell")]
    [InlineData("<svg viewBox=\"0 0 100 100\"><rect/><text x=\"90\" y=\"50\">beyond</text></svg>", "leaves its picture")]
    [InlineData("<svg viewBox=\"0 0 100 100\"><rect/><text x=\"9\" y=\"50\">one</text><text x=\"12\" y=\"50\">two</text></svg>",
        "runs into")]
    [InlineData("<svg viewBox=\"0 0 100 100\"><rect/><clipPath id=\"c\"><rect width=\"50\" height=\"100\"/></clipPath>"
        + "<g clip-path=\"url(#c)\"><text x=\"40\" y=\"50\">long</text></g></svg>", "is cut off")]
    [InlineData("<table><tr><th><span style=\"display: inline-block; height: 5px\">high</span></th></tr></table>", "is 5 high")]
    [InlineData("<p style=\"color: #888\">grey</p>", "contrast of 3.5")]
    public void LayoutProblemsAreFound(string body, string problem)
    {
        string path = pages.Save("broken.html", $"<!DOCTYPE html><html><body>{body}</body></html>");
        pages.Browser.Open(path, 390, "light");
        Assert.Contains(
            pages.Browser.Evaluate(Measure)!.AsArray(), seen => seen!.GetValue<string>().Contains(problem, StringComparison.Ordinal));
    }

    /// <summary>Red of the page's ground and of each chart's.</summary>
    private const string Grounds = """
        [
            getComputedStyle(document.body).backgroundColor,
            ...[...document.querySelectorAll("svg")].map(svg => getComputedStyle(svg.querySelector("rect")).fill)
        ].map(colour => Number(colour.match(/\d+/)[0]))
        """;

    private static string Measure { get; } = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Reporting", "layout.js"));

    /// <summary>Pages with much on them, made once, and the browser that shows them.</summary>
    public sealed class Pages : IDisposable
    {
        private const int Size = 8;
        private static readonly string[] Ten =
            ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];
        private static readonly string[] Hundred =
            [.. Enumerable.Range(0, 100).Select(i => i == 7 ? "Rindfleischetikettierungsüberwachung" : $"class with a name {i:000}")];

        private readonly string folder = Directory.CreateTempSubdirectory("ascl-pages").FullName;
        private readonly Lazy<Browser> browser;

        public Pages() => browser = new(Opened);

        internal Browser Browser => browser.Value;

        public string PathOf(string page) => Path.Combine(folder, page);

        public string Save(string page, string text)
        {
            File.WriteAllText(PathOf(page), text);
            return PathOf(page);
        }

        public void Dispose()
        {
            if (browser.IsValueCreated)
                browser.Value.Dispose();
            Directory.Delete(folder, recursive: true);
        }

        private Browser Opened()
        {
            File.Copy(RunPage("ten", Ten, new()), PathOf("ten.html"));
            File.Copy(RunPage("hundred", Hundred, Long()), PathOf("hundred.html"));
            float[][] adversarial = [new float[3 * Size * Size], new float[3 * Size * Size], new float[3 * Size * Size]];
            Save("evaluation.html",
                EvaluationPage.Html(Report(Hundred), Images(Hundred), new([0, 1, 2], [0, 1, 2], [0, 1, 0], adversarial)));
            return new Browser();
        }

        private static RunConfig Long() => new()
        {
            Data = new() { Source = $"folder:/{string.Join('/', Enumerable.Repeat("a-rather-long-name-of-a-folder", 6))}" },
            Schedule = new PiecewiseSchedule { Milestones = [.. Enumerable.Range(1, 60)] },
            Training = new() { Epochs = 200 },
        };

        private string RunPage(string name, string[] classes, RunConfig config)
        {
            using CpuDevice device = new(2);
            RunFolder run = RunFolder.Create(config with { Run = new() { Out = PathOf(name) } });
            run.Checkpoints.WriteMetrics(Enumerable.Range(1, 3).Select(epoch => Metrics(epoch, classes.Length)));
            File.WriteAllText(run.ReportFile, Evaluator.ToJson(Report(classes)));
            run.WriteSummary(new("ascl", "resnet20", "data", 1, 3, 50000, "cuda: a graphics card with a long name, 80 GiB", 123456.7,
                234567.8, 4321.5, 123456789, 98765432, 1e9, 1L << 36, 2, 0.5, new Dictionary<string, int>()));
            Classifier model = new(device, new("resnet: 1 block a stage, widths 8,16", 3, classes.Length, [], []), seed: 4);
            ImageSet images = Images(classes);
            return RunReport.Write(
                run, model, new DataSet("images with a name that is long, too", images, images, Augmentation.None), CancellationToken.None);
        }

        private static EpochMetrics Metrics(int epoch, int classes)
        {
            double[] byClass = [.. Enumerable.Range(0, classes).Select(i => 100.0 - i)];
            SelectionPercent selection = new(100, 100.0 / epoch, byClass, byClass, 12.5, 99.9);
            Dictionary<string, double> terms = new() { ["robust_ce"] = 2.1 / epoch, ["contrastive"] = 3.2 / epoch, ["vat_kl"] = 0.1 };
            return new(epoch, 0.1 / epoch, 5.5 / epoch, terms, 0.4, 0.3, 0.35, 0.25, true, 0.36, 0.26,
                PairSelection.All.ToDictionary(strategy => strategy.Name, _ => selection), 1000, 10, new(0.5, 0.4, 0.1),
                [new("catastrophic-overfitting", "training images withstand FGSM but not PGD: weaker-attack-than-it-seems")]);
        }

        private static EvaluationReport Report(string[] classes) => new(
            10000, 0.85, [.. new[] { "APGD-CE", "APGD-T", "FAB-T", "Square", "Brendel & Bethge" }
                .Select((name, i) => new AttackReport(name, "linf", 8.0 / 255, 100, 5, 0.5 - i * 0.01, 10000, 3000, 0, 98765.4,
                    i == 0 ? "a note on what it did otherwise" : null))],
            0.46, 3, "wrn-34-10", "a folder of images/with-a-long-name-that-has-no-spaces-in-it-at-all.tar.gz", 1,
            "cpu: AVX-512, 2 threads",
            Weights: $"/{string.Join('/', Enumerable.Repeat("folder-of-runs", 12))}/best.safetensors", IsCascade: true,
            Classes: [.. classes.Select((name, i) => new ClassReport(name, 100, 1 - i / 100.0, 0.5 - i / 200.0))],
            Findings:
            [
                new("black-box-beats-white-box", true, "34.0 % withstand Square with 500 queries, 36.0 % PGD-20",
                    "gradients may be masked"),
                new("softmax-outputs", false, "outputs of 0 of 50 images are probabilities", ""),
            ],
            Curve: [new(2 / 255.0, 0.7), new(4 / 255.0, 0.6), new(8 / 255.0, 0.46)],
            MinimalEpsilon: MinimalEpsilonReport.Of(
                ["FAB-T", "Brendel & Bethge"], "linf", [0.3f, 0, float.PositiveInfinity, 0.1f, 0.05f], 8.0 / 255, 1));

        private static ImageSet Images(string[] classes) =>
            new("made", classes, 3, Size, Size, [.. Enumerable.Range(0, 100).Select(i => i % classes.Length)],
                Made.Uniform(100 * 3 * Size * Size, 77, 0, 1));
    }
}
