using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Data;
using Ascl.Kernels.Diagnostics;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("data show", HelpText = "Shows what is in a data set: counts, classes, statistics, a sheet of images.")]
[Example("The images that are built in", "sample")]
[Example("CIFAR-10 in an archive of JPEG or PNG files, with a picture of its training images", "folder:cifar10-images.tar.gz --sheet sheet.png")]
internal sealed class DataShowVerb : VerbArguments, IVerb
{
    [Value(0, MetaName = "SPEC", Required = true, HelpText = VerbTexts.DataForms)]
    public string Specification { get; init; } = "";

    [Option("sheet", MetaValue = "FILE.png", HelpText = "Write a contact sheet, a row of training images for each class.")]
    public string? Sheet { get; init; }

    [Option("columns", MetaValue = "N", HelpText = "Images in a row of the sheet.")]
    public int Columns { get; init; } = 16;

    public int Run(CancellationToken stop)
    {
        if (Columns is < 1 or > 1000)
            throw new UserErrorException($"option --columns: {Columns} is not between 1 and 1000");
        DataSet data = ProgressDisplay.Run(
            $"opening {Specification}", display => DataSource.Open(Specification, progress: new OpeningProgress(display, stop)));
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
        foreach (var (part, set) in new[] { ("train", data.Train), ("test", data.Test) })
        {
            var (mean, std) = set.ChannelStatistics();
            table.Add(part, $"{set.Count}", $"{set.Channels}", $"{set.Height}", $"{set.Width}", Text(mean), Text(std));
        }
        table.Print();
        if (!data.HasTestPart)
            Console.WriteLine("There is no test part: the training images stand in for it.");
        Console.WriteLine();
    }

    private static void PrintClasses(DataSet data)
    {
        int[] train = data.Train.CountByClass(), test = data.Test.CountByClass();
        var table = new ResultTable("class", "name", "train", "test");
        for (int k = 0; k < data.ClassNames.Count; k++)
            table.Add($"{k}", data.ClassNames[k], $"{train[k]}", $"{test[k]}");
        table.Print();
    }

    private static string Text(float[] values) => string.Join(" ", values.Select(value => value.ToString("F4")));
}
