using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.OnnxRuntime;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Runs;

namespace Ascl.Cli.Verbs;

public partial class EvaluateVerb
{
    public int Run(CancellationToken stop)
    {
        RunFolder? run = RunFolder.Of(Weights)?.RequireClassifier();
        EvaluationSettings settings = Settings(new EvaluationSettings(), "evaluate");
        CheckOptions(settings);
        // Before anything is opened; what weights without a run's folder know of their own ball comes later.
        RobustnessEvaluation.Plan(settings, run?.Config.Attack.Threat);
        string file = RunFolder.WeightsFile(Weights);
        bool isOwnData = run is not null && (Data is null || DataSource.AreSame(Data, run.Config.Data.Source));
        DataOptions reading = Reading(run?.Config.Data.Reading, isOwnData);
        string specification = Data ?? run?.Config.Data.Source
            ?? throw new UserErrorException("evaluate: name the test images with --data");
        using Device device = DeviceChoice.OpenFor(file, Device, Threads, CudaGraphs, RoundedTo);
        // The weights first: a file that is not one should not cost the opening of the data.
        Classifier model = Load(device, file, normalization: null, Normalize is null ? Message.Print : null);
        ThreatModel? trained = run?.Config.Attack.Threat ?? ThreatModel.Of(model.Provenance);
        RobustnessEvaluation.Plan(settings, trained, Replay is null ? model : null);
        Classifier? twin = Twin is null ? null : ClassifierFile.Load(device, RunFolder.WeightsFile(Twin));
        DataSet data = ProgressDisplay.Run($"opening {specification}",
            display => DataSource.Open(specification, reading, progress: new OpeningProgress(display, stop)));
        if (Normalize is not null)
            model = Load(device, file, InputNormalization.Of(Normalize, data), Message.Print);
        bool countIsLeast = specification.StartsWith("file:", StringComparison.Ordinal);
        RobustnessEvaluation.CheckFit(model, settings.ImagesOf(data), file, countIsLeast);
        if (!IgnoreClassNames)
            ClassNames.Check(file, model.Spec.ClassNames, data.Name, data.ClassNames);
        if (twin is not null)
            RobustnessEvaluation.CheckFit(twin, settings.ImagesOf(data), Twin!, mayHaveMoreClasses: true);
        if (Replay is not null)
            return PrintReplay(AdversarialImages.Replay(Replay, model, data.Test, settings.Batch));
        RobustnessEvaluation evaluation = new(model, data, settings, trained) { Weights = file, Source = specification, Twin = twin };
        foreach (string note in evaluation.Notes)
            Message.Print(note);
        if (isOwnData && reading == run!.Config.Data.Reading && run.ImageChangeNote(data) is { } changed)
            Message.Print(changed);
        if (isOwnData && settings.Limit is null && run!.Config.Data.LimitTest is { } limit && limit < evaluation.Images.Count)
            Message.Print($"the report of the run is of its first {limit} test images; this is of all {evaluation.Images.Count} (--limit "
                + $"{limit} for the same)");
        EvaluationResult result = ProgressDisplay.Run("evaluating", display => evaluation.Run(Out, new EvaluationDisplay(display), stop));
        Print(result.Report);
        Keep(result, evaluation.Images);
        return 0;
    }

    /// <summary>Writes the pages of an evaluation's folder, and its results where they were asked for.</summary>
    private void Keep(EvaluationResult result, ImageSet images)
    {
        if (result is { Store: { } store, Adversarial: { } adversarial })
        {
            AtomicFile.WriteText(store.MarkdownFile, EvaluationPage.Markdown(result.Report));
            AtomicFile.WriteText(store.PageFile, EvaluationPage.Html(result.Report, images, adversarial));
            Console.WriteLine($"adversarial images and report in {Out}");
        }
        if (Json is not null)
            AtomicFile.WriteText(Json, Evaluator.ToJson(result.Report));
    }

    private Classifier Load(Device device, string file, (float[] Mean, float[] Std)? normalization, Action<string>? note)
    {
        if (!OnnxFiles.IsOnnx(file))
            return RunFolder.RequireClassifier(ClassifierFile.Load(device, file, new()
            {
                Network = Model,
                Normalization = normalization,
                Activation = Activation is null ? null : NameText.Parse<Activation>("activation", Activation),
                Note = note,
            }), file);
        if (Model is not null || Activation is not null)
            throw new UserErrorException($"{file}: holds its whole network: --model and --activation are not for it");
        return OnnxNetwork.Load((CpuDevice)device, file, normalization);
    }

    /// <summary>As the run read its images; what is given wins. A test share is of the run's own images.</summary>
    /// <exception cref="UserErrorException">Training images of the run would be called test images.</exception>
    private DataOptions Reading(DataOptions? run, bool isOwnData)
    {
        JsonObject given = Given(typeof(DataOptions));
        DataOptions usual = (run ?? new()) with { TestShare = isOwnData ? run!.TestShare : null };
        DataOptions reading = SettingTree.Read(usual, given, "evaluate");
        bool isSplit = run?.TestShare is not null || reading.TestShare is not null;
        if (isOwnData && isSplit && reading != run)
            throw new UserErrorException("evaluate: --test-share, --resize and --crop would make training images of the run test images: "
                + (run!.TestShare is null
                    ? "it was trained on all of these images"
                    : "the run split its test part off these images itself"));
        return reading;
    }

    /// <summary>Refuses options that do not go together, and files that cannot or should not be written, before anything is
    /// opened.</summary>
    private void CheckOptions(EvaluationSettings settings)
    {
        if (!settings.Checks && Twin is not null)
            throw new UserErrorException("evaluate: --twin is for --checks");
        if (Replay is not null
            && (Json is not null || Out is not null || settings.Epsilons.Count > 0 || settings.Checks || settings.MinimalEpsilon))
            throw new UserErrorException("evaluate: --replay attacks nothing: --json, --out, --epsilons, --checks and --minimal-epsilon "
                + "cannot be given with it");
        string[] ofTheFile = ["norm", "epsilon", "step-size", "limit", "attack"];
        if (Replay is not null && Given(typeof(EvaluationSettings)).Any(given => ofTheFile.Contains(given.Key)))
            throw new UserErrorException("evaluate: --replay takes the images and their ball from its file: --norm, --epsilon, "
                + "--step-size, --limit and --attack cannot be given with it");
        if (Json is null)
            return;
        AtomicFile.CheckWritable(Json);
        string place = Path.GetDirectoryName(Path.GetFullPath(Json))!;
        if (File.Exists(Path.Combine(place, "config.json")) || File.Exists(Path.Combine(place, "evaluation.json")))
            throw new UserErrorException($"option --json: {place} is the folder of a run or an evaluation, with reports of its own: choose "
                + $"another place");
        if (File.Exists(Json) && !AtomicFile.IsDevice(Json) && !JsonFile.ReadObject(Json).ContainsKey("clean_accuracy"))
            throw new UserErrorException($"option --json: {Json} holds something else than the results of an evaluation: it is not "
                + $"overwritten");
    }
}
