using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("data show", HelpText = "Describes a data set: numbers of images, classes, channel statistics, on request a contact sheet.")]
[Example("The built-in images", "sample")]
[Example("CIFAR-10 as an archive of JPEG or PNG files, with a contact sheet of its training images",
    "folder:cifar10-images.tar.gz --sheet sheet.png")]
[Example("Photos of various sizes in CLASS/IMAGE, resized and split as train would with the same options",
    "folder:photos --resize 64 --crop 64 --test-share 0.2")]
[OptionsFor(typeof(DataOptions))]
public class DataShowVerb : VerbArguments, IVerb
{
    [Value(0, MetaName = "SPEC", Required = true, HelpText = $"Data set: {SettingTexts.DataForms}.")]
    public string Specification { get; init; } = "";

    [Option("sheet", MetaValue = "FILE.png", HelpText = "Write a contact sheet: a row of training images for each class.")]
    public string? Sheet { get; init; }

    [Option("columns", MetaValue = "N", HelpText = "Number of images per row of the sheet.")]
    public int Columns { get; init; } = 16;

    public int Run(CancellationToken stop)
    {
        if (Columns is < 1 or > 1000)
            throw new UserErrorException($"option --columns: {Columns} is not between 1 and 1000");
        if (Sheet is not null && !Sheet.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
            throw new UserErrorException($"option --sheet: {Sheet} does not end in .png");
        if (Sheet is not null)
            AtomicFile.CheckWritable(Sheet);
        DataOptions options = Settings(new DataOptions(), "data show");
        DataSet data = OpeningProgress.Open(Specification, options, stop);
        PrintParts(data);
        PrintClasses(data);
        if (Sheet is not null)
        {
            ContactSheet.Write(data.Train, Sheet, Columns, data.ClassNames.Count);
            Console.WriteLine($"Wrote {Sheet}.");
        }
        return 0;
    }

    private static void PrintParts(DataSet data)
    {
        var table = new ResultTable("part", "images", "channels", "height", "width", "mean", "std") { Title = data.Name };
        foreach (var (part, set, exists) in new[] { ("train", data.Train, data.HasTrainPart), ("test", data.Test, data.HasTestPart) })
        {
            if (exists)
            {
                var (mean, std) = set.ChannelStatistics();
                table.Add(part, $"{set.Count}", $"{set.Channels}", $"{set.Height}", $"{set.Width}", Text(mean), Text(std));
            }
            else
                table.Add(part, "none", "", "", "", "", "");
        }
        table.Print();
        foreach (string note in data.Notes)
            Console.WriteLine($"Note: {note}.");
        Console.WriteLine();
    }

    private static void PrintClasses(DataSet data)
    {
        int[] train = data.Train.CountByClass(), test = data.Test.CountByClass();
        var table = new ResultTable("class", "name", "train", "test");
        for (int k = 0; k < data.ClassNames.Count; k++)
            table.Add($"{k}", data.ClassNames[k], data.HasTrainPart ? $"{train[k]}" : "", data.HasTestPart ? $"{test[k]}" : "");
        table.Print();
    }

    private static string Text(float[] values) => string.Join(" ", values.Select(value => value.ToString("F4")));
}
