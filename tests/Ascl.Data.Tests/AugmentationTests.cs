namespace Ascl.Data.Tests;

public class AugmentationTests
{
    private const int Channels = 2, Height = 5, Width = 7;
    private static readonly float[] Picture = [.. Enumerable.Range(1, Channels * Height * Width).Select(i => i / 100f)];

    [Fact]
    public void EveryResultIsAShiftAndPerhapsAMirrorAndAllOccur()
    {
        var seen = new HashSet<(int, int, bool)>();
        for (int id = 0; id < 2000; id++)
            seen.Add(Explain(Apply(Augmentation.CropAndFlip with { CropPadding = 2 }, seed: 3, epoch: 1, id), 2));
        Assert.Equal(5 * 5 * 2, seen.Count);
    }

    [Fact]
    public void FlipAloneMirrorsAboutHalf()
    {
        var flip = new Augmentation(0, true);
        int mirrored = Enumerable.Range(0, 1000).Count(id => Explain(Apply(flip, 1, 0, id), 0).Mirror);
        Assert.InRange(mirrored, 440, 560);
    }

    [Fact]
    public void NoneLeavesTheImage() => Assert.Equal(Picture, Apply(Augmentation.None, 1, 2, 3));

    [Fact]
    public void PaddingWiderThanTheImageGivesShiftsAndEmptyImages()
    {
        var wide = new Augmentation(20, true);
        float[][] results = [.. Enumerable.Range(0, 300).Select(id => Apply(wide, 1, 0, id))];
        Assert.Contains(results, image => image.All(value => value == 0));
        Assert.Contains(results, image => image.Any(value => value != 0));
        Assert.All(results.Where(image => image.Any(value => value != 0)), image => Explain(image, 20));
    }

    [Fact]
    public void DependsOnSeedEpochAndIdOnly()
    {
        float[] first = Apply(Augmentation.CropAndFlip, 5, 6, 7);
        Assert.Equal(first, Apply(Augmentation.CropAndFlip, 5, 6, 7));
        // Of 30 images, some must change with each part of the key.
        Assert.Contains(Enumerable.Range(0, 30), id => !Result(5, 6, id).SequenceEqual(Result(4, 6, id)));
        Assert.Contains(Enumerable.Range(0, 30), id => !Result(5, 6, id).SequenceEqual(Result(5, 7, id)));
        Assert.Contains(Enumerable.Range(0, 30), id => !Result(5, 6, id).SequenceEqual(first));

        static float[] Result(ulong seed, int epoch, int id) => Apply(Augmentation.CropAndFlip, seed, epoch, id);
    }

    private static float[] Apply(Augmentation augmentation, ulong seed, int epoch, int id)
    {
        // Old contents of the destination must be overwritten.
        float[] result = [.. Enumerable.Repeat(9f, Picture.Length)];
        augmentation.Apply(Picture, result, Channels, Height, Width, seed, epoch, id);
        return result;
    }

    /// <summary>Finds the shift and flip that turn the image into the result by trying all.</summary>
    private static (int Down, int Right, bool Mirror) Explain(float[] result, int padding)
    {
        for (int down = -padding; down <= padding; down++)
        {
            for (int right = -padding; right <= padding; right++)
            {
                foreach (bool mirror in new[] { false, true })
                {
                    if (Expected(down, right, mirror).SequenceEqual(result))
                        return (down, right, mirror);
                }
            }
        }
        Assert.Fail("neither a shift nor a mirrored shift");
        return default;
    }

    private static IEnumerable<float> Expected(int down, int right, bool mirror)
    {
        for (int i = 0; i < Picture.Length; i++)
        {
            int x = i % Width, y = i / Width % Height, plane = i / (Width * Height);
            int row = y + down, column = (mirror ? Width - 1 - x : x) + right;
            yield return row is >= 0 and < Height && column is >= 0 and < Width ? Picture[(plane * Height + row) * Width + column] : 0;
        }
    }
}
