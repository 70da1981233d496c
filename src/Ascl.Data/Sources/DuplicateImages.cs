namespace Ascl.Data.Sources;

/// <summary>Detects images that distort accuracies: in both parts, repeated, or with two labels.</summary>
internal static class DuplicateImages
{
    /// <summary>Notes for the user, one line each.</summary>
    public static IEnumerable<string> Notes(DataSet set)
    {
        ulong[] train = set.Train.PixelHashes();
        ulong[] test = set is { HasTestPart: true, HasTrainPart: true } ? set.Test.PixelHashes() : [];
        HashSet<ulong> trained = [.. train];
        int shared = test.Count(trained.Contains);
        if (shared > 0)
        {
            yield return $"{shared} of {test.Length} test images are also training images, pixel for pixel: "
                + "accuracy on them says nothing about new images";
        }

        foreach (var (part, hashes) in new[] { (set.HasTrainPart ? "training" : "test", train), ("test", test) })
        {
            int repeats = hashes.Length - hashes.Distinct().Count();
            if (repeats > 0)
                yield return $"{repeats} of {hashes.Length} {part} images are repeats of others, pixel for pixel";
        }

        Dictionary<ulong, int> labels = [];
        HashSet<ulong> ambiguous = [];
        AddLabels(train, set.Train);
        AddLabels(test, set.Test);
        if (ambiguous.Count > 0)
        {
            yield return $"{ambiguous.Count} {(ambiguous.Count == 1 ? "image occurs" : "images occur")} "
                + "under more than one label, pixel for pixel";
        }

        void AddLabels(ulong[] hashes, ImageSet part)
        {
            for (int i = 0; i < hashes.Length; i++)
            {
                if (!labels.TryAdd(hashes[i], part.Labels[i]) && labels[hashes[i]] != part.Labels[i])
                    ambiguous.Add(hashes[i]);
            }
        }
    }
}
