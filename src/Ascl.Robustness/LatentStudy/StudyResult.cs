using Ascl.Core.Files;
using Ascl.Robustness.Reporting;

namespace Ascl.Robustness.LatentStudy;

/// <summary>The result of a <see cref="ClassifierStudy"/>.</summary>
/// <param name="Report">Its figures.</param>
/// <param name="Rows">The representations that they were computed from.</param>
/// <param name="Classes">Names of the classes, by label.</param>
public sealed record StudyResult(StudyReport Report, LatentRows Rows, IReadOnlyList<string> Classes)
{
    /// <summary>Writes study.json, latents.safetensors, scatter plots of the latents' first two principal components, and plots of R-DIV
    /// by stage.</summary>
    /// <param name="folder">Created if it does not exist.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">A file cannot be written.</exception>
    public void Save(string folder)
    {
        AtomicFile.CreateFolder(folder);
        AtomicFile.WriteText(Path.Combine(folder, "study.json"), JsonFile.Text(Report, StudyJson.Default.StudyReport));
        StudyComparison.SavePlots(folder, StudyComparison.StagePlots(Report));
        SaveLatents(Path.Combine(folder, "latents.safetensors"));
        SaveScatterPlots(folder);
    }

    private void SaveLatents(string path)
    {
        StageRows latent = Rows.Latent;
        int n = Rows.Labels.Length;
        SafetensorsWriter writer = new();
        writer.Add("natural", [n, latent.Size], latent.Natural);
        writer.Add("adversarial", [n, latent.Size], latent.Adversarial);
        writer.Add("labels", [n], [.. Rows.Labels.Select(v => (long)v)]);
        writer.Add("predictions", [n], [.. Rows.Predictions.Select(v => (long)v)]);
        writer.Add("adversarial_predictions", [n], [.. Rows.AdversarialPredictions.Select(v => (long)v)]);
        writer.Save(path);
    }

    private void SaveScatterPlots(string folder)
    {
        StageRows latent = Rows.Latent;
        int n = Rows.Labels.Length;
        (double X, double Y)[] points = LatentStudies.PrincipalComponents([.. latent.Natural, .. latent.Adversarial], latent.Size);
        foreach (var (name, from) in new[] { ("natural", 0), ("adversarial", n) })
        {
            string svg = Chart.Points($"Latents of {name} images, first two principal components", "first", "second",
                [.. Classes.Select((c, k) => (c,
                    (IReadOnlyList<(double, double)>)[.. points[from..(from + n)].Where((_, i) => Rows.Labels[i] == k)]))]);
            AtomicFile.WriteText(Path.Combine(folder, $"{name}.svg"), svg);
        }
    }
}
