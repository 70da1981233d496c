using System.Runtime.ExceptionServices;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>The bytes of an image file and its class.</summary>
/// <param name="Name">Its name in messages, after that of the data.</param>
/// <param name="Label">The class.</param>
/// <param name="File">The bytes.</param>
internal readonly record struct EncodedImage(string Name, int Label, byte[] File);

/// <summary>A decoded source of encoded images. If it has one part only, both parts of the set are that one.</summary>
internal sealed record DecodedImages(DataSet Set, FolderParts Parts);

/// <summary>Decodes images of JPEG or PNG on all threads: resizes and crops each, and makes all of them grey or all of them RGB.</summary>
internal static class EncodedImages
{
    private const int ReportEvery = 1000;

    /// <summary>Decodes all images.</summary>
    /// <param name="path">Name of the data in messages.</param>
    /// <param name="classNames">Names of the classes by label.</param>
    /// <param name="train">The training images; empty if there are none.</param>
    /// <param name="test">The test images; empty if there are none.</param>
    /// <param name="parts">The parts there are.</param>
    /// <param name="notes">Notes for the user, before those on the images.</param>
    /// <param name="options">Resizing and cropping.</param>
    /// <param name="progress">Receives reports while images are decoded; null for none.</param>
    /// <exception cref="UserErrorException">An image is damaged, or sizes differ.</exception>
    public static DecodedImages Decode(string path, IReadOnlyList<string> classNames, List<EncodedImage> train, List<EncodedImage> test,
        FolderParts parts, IEnumerable<string> notes, DataOptions options, IProgress<DataProgress>? progress)
    {
        string name = NameOf(path);
        List<EncodedImage> all = [.. train, .. test];
        var headers = new ImageHeader[all.Count];
        ForEach(all, i => headers[i] = ImageDecoder.ReadHeader($"{path}: {all[i].Name}", all[i].File));
        int channels = headers.Max(header => header.Channels);
        var (height, width) = CommonSize(path, all, headers, options);
        var counter = new Counter(progress, $"decoding {name}", all.Count);
        ImageSet? trainSet = Part("train", train, 0), testSet = Part("test", test, train.Count);
        return Decoded(name, (trainSet ?? testSet)!, (testSet ?? trainSet)!, parts, [.. notes, .. NotesOn(headers)]);

        ImageSet? Part(string part, List<EncodedImage> images, int first) => images.Count == 0 ? null : new(
            $"{name} {part}", classNames, channels, height, width, [.. images.Select(image => image.Label)],
            Decode(path, images, headers[first..(first + images.Count)], (channels, height, width), options, counter));
    }

    /// <summary>The data set of decoded images. If there is one part only, it is passed twice.</summary>
    public static DecodedImages Decoded(string name, ImageSet train, ImageSet test, FolderParts parts, IReadOnlyList<string> notes)
    {
        DataSet set = new(name, train, test, Augmentation.ForChannels(train.Channels))
        {
            HasTrainPart = parts != FolderParts.TestOnly,
            HasTestPart = parts is FolderParts.Both or FolderParts.TestOnly,
            Notes = notes,
        };
        return new(set, parts);
    }

    /// <summary>Name of the data set of a file or directory.</summary>
    public static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    /// <summary>The size of all images after resizing and cropping.</summary>
    private static (int Height, int Width) CommonSize(string path, List<EncodedImage> images, ImageHeader[] headers, DataOptions options)
    {
        (int, int)[] sizes =
        [
            .. headers.Select((header, i) =>
                ResizeAndCrop.SizeAfter($"{path}: {images[i].Name}", header.Height, header.Width, options)),
        ];
        int other = Array.FindIndex(sizes, size => size != sizes[0]);
        if (other < 0)
            return sizes[0];
        int shorter = headers.Min(header => Math.Min(header.Height, header.Width));
        string help = options.Resize is { } side
            ? $"crop {side} cuts a square from the centre of each"
            : $"resize {shorter} and crop {shorter} make all of them {shorter}x{shorter}";
        string when = options.Resize is null ? "" : " when resized";
        throw new UserErrorException($"{path}: {Text(other)}, but {Text(0)}{when}: {help}");

        string Text(int i) => $"{images[i].Name} is {sizes[i].Item2}x{sizes[i].Item1}";
    }

    private static byte[] Decode(string path, List<EncodedImage> images, ImageHeader[] headers, (int Channels, int Height, int Width) size,
        DataOptions options, Counter counter)
    {
        int area = size.Height * size.Width;
        if ((long)area * size.Channels > Array.MaxLength / images.Count)
        {
            throw new UserErrorException($"{path}: {images.Count} images of {size.Width}x{size.Height} are more than "
                + $"{Array.MaxLength} bytes, the limit: resize makes them smaller");
        }
        int length = area * size.Channels;
        byte[] pixels = new byte[length * images.Count];
        ForEach(images, i =>
        {
            ImageHeader header = headers[i];
            byte[] image = ImageDecoder.Decode($"{path}: {images[i].Name}", images[i].File, header);
            image = ResizeAndCrop.Apply(image, header.Channels, header.Height, header.Width, options);
            // A grey image among colour images is copied to all three channels.
            for (int start = 0; start < length; start += image.Length)
                image.CopyTo(pixels, i * length + start);
            counter.Add();
        });
        return pixels;
    }

    private static IEnumerable<string> NotesOn(ImageHeader[] headers)
    {
        int grey = headers.Count(header => header.Channels == 1);
        int alpha = headers.Count(header => header.HasAlpha), deep = headers.Count(header => header.Has16Bits);
        if (grey > 0 && grey < headers.Length)
            yield return $"{grey} of {headers.Length} images are grey: read as RGB, as the others are";
        if (alpha > 0)
            yield return $"{alpha} of {headers.Length} images have transparency: put on white";
        int oriented = headers.Count(header => header.HasOrientation);
        if (oriented > 0)
            yield return $"{oriented} of {headers.Length} images have an EXIF orientation: it is ignored, as PyTorch does";
        if (deep > 0)
            yield return $"{deep} of {headers.Length} images have 16 bits a channel: the upper 8 are read";
    }

    /// <summary>Runs an action for each image on all threads. If several fail, the exception of the first image is thrown, whatever the
    /// order of execution.</summary>
    private static void ForEach(List<EncodedImage> images, Action<int> action)
    {
        Exception? problem = null;
        int firstProblem = int.MaxValue;
        Parallel.For(0, images.Count, (i, loop) =>
        {
            try
            {
                action(i);
            }
            catch (Exception e)
            {
                // The images before this one still run.
                loop.Break();
                lock (images)
                {
                    if (i < firstProblem)
                        (firstProblem, problem) = (i, e);
                }
            }
        });
        if (problem is not null)
            ExceptionDispatchInfo.Throw(problem);
    }

    private sealed class Counter(IProgress<DataProgress>? progress, string what, int total)
    {
        private int done;

        public void Add()
        {
            lock (this)
            {
                done++;
                if (done % ReportEvery == 0 || done == total)
                    progress?.Report(new DataProgress(what, done, total));
            }
        }
    }
}
