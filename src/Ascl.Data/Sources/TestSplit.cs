using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>Makes test images of data that come without.</summary>
internal static class TestSplit
{
    /// <summary>Splits off a share of each class: rounded, but one image at the least where there are two, and never all of them. Which ones depends on
    /// the pixels only, by rank of their hashes: not on a run's seed, or networks of several seeds would be measured on what others learned; nor on names
    /// and order, or a renamed file would carry training images over. A share of 1 makes all images test images, and none for training.</summary>
    /// <exception cref="UserErrorException">There is a test part, or no class has two images.</exception>
    public static DataSet Of(string specification, DataSet set, double share)
    {
        if (set.HasTestPart)
            throw new UserErrorException($"data {specification}: --test-share {share} is for data without test images; these have {set.Test.Count}");
        ImageSet all = set.Train;
        if (share == 1)
            return set with { HasTestPart = true, HasTrainPart = false };

        int[] counts = all.CountByClass(), left = [.. counts.Select(count => count < 2 ? 0 : Math.Clamp((int)Math.Round(share * count), 1, count - 1))];
        int count = left.Sum();
        if (count == 0)
            throw new UserErrorException($"data {specification}: no class has two images, one to train on and one to test: --test-share cannot split them");
        bool[] isTest = new bool[all.Count];
        ulong[] hashes = all.PixelHashes();
        foreach (int index in Enumerable.Range(0, all.Count).OrderBy(index => hashes[index]).ThenBy(index => index))
            isTest[index] = left[all.Labels[index]]-- > 0;
        int[] places = [.. Enumerable.Range(0, all.Count)];
        List<string> notes = [.. set.Notes, $"{count} of {all.Count} images are split off as the test part, {share} of each class"];
        string[] single = [.. all.ClassNames.Where((_, k) => counts[k] == 1)];
        if (single.Length > 0)
            notes.Add($"without test images, for they have one image only: {EmptyClasses.List(single)}");
        return new DataSet(set.Name, Part("train", false), Part("test", true), set.Augmentation)
        {
            KnownNormalization = set.KnownNormalization,
            Notes = notes,
        };

        ImageSet Part(string part, bool isWanted) => all.Subset([.. places.Where(i => isTest[i] == isWanted)]).Renamed($"{set.Name} {part}");
    }
}
