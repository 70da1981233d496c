using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>Splits test images off data without a test part.</summary>
internal static class TestSplit
{
    /// <summary>Splits off a share of each class, rounded, but at least one image and not all of them; classes with one image stay in the
    /// training part. The images with the lowest pixel hashes are chosen. The choice thus depends on the pixels only: not on the run's
    /// seed, so that runs with different seeds share their test images, and not on names and order, so that renaming a file moves no
    /// training image to the test part.</summary>
    /// <param name="specification">The data's specification, for messages.</param>
    /// <param name="set">The data without a test part.</param>
    /// <param name="share">The fraction, in (0, 1]; 1 makes all images test images and leaves no training part.</param>
    /// <exception cref="UserErrorException">There is a test part already, or no class has two images.</exception>
    public static DataSet Of(string specification, DataSet set, double share)
    {
        if (set.HasTestPart)
        {
            throw new UserErrorException(
                $"data {specification}: test-share {share} is for data without test images; these have {set.Test.Count}");
        }
        ImageSet all = set.Train;
        if (share == 1)
            return set with { HasTestPart = true, HasTrainPart = false };

        int[] counts = all.CountByClass();
        int[] left = [.. counts.Select(count => count < 2 ? 0 : Math.Clamp((int)Math.Round(share * count), 1, count - 1))];
        int count = left.Sum();
        if (count == 0)
        {
            throw new UserErrorException(
                $"data {specification}: no class has two images, one to train on and one to test: test-share cannot split them");
        }
        bool[] isTest = new bool[all.Count];
        ulong[] hashes = all.PixelHashes();
        foreach (int index in Enumerable.Range(0, all.Count).OrderBy(index => hashes[index]).ThenBy(index => index))
            isTest[index] = left[all.Labels[index]]-- > 0;
        int[] places = [.. Enumerable.Range(0, all.Count)];
        List<string> notes = [.. set.Notes, $"{count} of {all.Count} images are split off as the test part, {share} of each class"];
        string[] single = [.. all.ClassNames.Where((_, k) => counts[k] == 1)];
        if (single.Length > 0)
            notes.Add($"without test images, because they have one image only: {EmptyClasses.List(single)}");
        return new DataSet(set.Name, Part("train", false), Part("test", true), set.Augmentation)
        {
            KnownNormalization = set.KnownNormalization,
            Notes = notes,
        };

        ImageSet Part(string part, bool isWanted) =>
            all.Subset([.. places.Where(i => isTest[i] == isWanted)]).Renamed($"{set.Name} {part}");
    }
}
