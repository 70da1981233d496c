using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ascl.Autograd;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Verification;

/// <summary>Golden files of the contrastive loss: hidden, labels, predictions, and STRATEGY.DISTANCE.normalized|raw.tauT.loss and .grad,
/// STRATEGY.positives and .negatives.</summary>
internal static partial class ContrastiveGolden
{
    public static void Verify(Device device, SafetensorsFile file, Comparison comparison)
    {
        int[] shape = file.Shape("hidden");
        DeviceBuffer<int> labels = Integers(device, file, "labels"), predictions = Integers(device, file, "predictions");
        foreach (string name in file.Names.Order(StringComparer.Ordinal))
        {
            if (LossName().Match(name) is { Success: true } m)
            {
                using IDisposable scope = device.Pool.BeginScope();
                Tensor rows = Tensor.FromArray(device, new(shape), file.ReadFloats("hidden"), requiresGrad: true);
                JsonObject given = new()
                {
                    ["strategy"] = m.Groups["strategy"].Value,
                    ["distance"] = m.Groups["distance"].Value,
                    ["temperature"] = double.Parse(m.Groups["tau"].Value, CultureInfo.InvariantCulture),
                    ["normalize-rows"] = m.Groups["rows"].Value == "normalized",
                };
                ContrastiveSettings settings = SettingTree.Read(new ContrastiveSettings(), given, name);
                Tensor loss = settings.Loss(rows, labels, predictions);
                comparison.Value(name, loss.Item, 1e-4);
                comparison.Tensor($"{name[..^".loss".Length]}.grad", Gradient.Of(loss, rows)[0].ToArray(), 1e-3);
            }
            else if (CountName().Match(name) is { Success: true } c)
            {
                PairSelection selection = PairSelection.All.First(strategy => strategy.Name == c.Groups["strategy"].Value);
                var (positives, negatives) = ContrastiveKernels.CountPairsOfEach(selection, labels, predictions);
                int[] ours = c.Groups["set"].Value == "positives" ? positives : negatives;
                comparison.Add(name, file.ReadIntegers(name).Zip(ours).Max(p => Math.Abs(p.First - p.Second)), 0, "pairs");
            }
            else if (!name.EndsWith(".grad", StringComparison.Ordinal) && name is not ("hidden" or "labels" or "predictions"))
            {
                comparison.Skip(name, "not known");
            }
        }
    }

    public static DeviceBuffer<int> Integers(Device device, SafetensorsFile file, string name) =>
        device.Upload<int>([.. file.ReadIntegers(name).Select(i => checked((int)i))]);

    [GeneratedRegex("^(?<strategy>global|hard|soft|leaked|merge)\\.(?<distance>cosine|dot|l1|l2|linf|lkinf)\\.(?<rows>normalized|raw)"
        + "\\.tau(?<tau>[0-9.e-]+)\\.loss$")]
    private static partial Regex LossName();

    [GeneratedRegex("^(?<strategy>global|hard|soft|leaked|merge)\\.(?<set>positives|negatives)$")]
    private static partial Regex CountName();
}
