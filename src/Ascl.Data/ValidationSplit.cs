using Ascl.Core.Diagnostics;
using Ascl.Core.Random;

namespace Ascl.Data;

/// <summary>Splits validation images off the training images; checkpoints are selected on them, never on test images.</summary>
public static class ValidationSplit
{
    /// <summary>
    /// Splits off <paramref name="count"/> images, stratified by class (quotas by largest remainder). The choice depends on the seed and
    /// the images' ids. Both parts keep the set's order.
    /// </summary>
    /// <param name="set">The training images.</param>
    /// <param name="count">Number of validation images, 1…<see cref="ImageSet.Count"/>−1.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <exception cref="UserErrorException"><paramref name="count"/> leaves one of the parts empty.</exception>
    public static (ImageSet Train, ImageSet Validation) Of(ImageSet set, int count, ulong seed)
    {
        if (count < 1 || count >= set.Count)
        {
            throw new UserErrorException(
                $"{set.Name}: validation is {count}, but there are {set.Count} training images: fewer must be held out (0: none)");
        }

        int[] left = Quotas(set.CountByClass(), count);
        bool[] held = new bool[set.Count];
        foreach (int index in BatchPlan.Shuffle(set, new RandomKey(seed, RandomPurpose.ValidationSplit)))
            held[index] = left[set.Labels[index]]-- > 0;

        int[] places = [.. Enumerable.Range(0, set.Count)];
        return (set.Subset([.. places.Where(i => !held[i])]), set.Subset([.. places.Where(i => held[i])]));
    }

    private static int[] Quotas(int[] classCounts, int count)
    {
        long total = classCounts.Sum(n => (long)n);
        int[] quotas = [.. classCounts.Select(n => (int)(n * (long)count / total))];
        IEnumerable<int> byRemainder = Enumerable.Range(0, classCounts.Length).OrderByDescending(k => classCounts[k] * (long)count % total);
        foreach (int k in byRemainder.Take(count - quotas.Sum()))
            quotas[k]++;
        return quotas;
    }
}
