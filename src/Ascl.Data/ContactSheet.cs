using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using StbImageWriteSharp;

namespace Ascl.Data;

/// <summary>Draws many images of a data set on one picture.</summary>
public static class ContactSheet
{
    private const int Gap = 2;
    private const byte Background = 128;

    /// <summary>
    /// Writes a PNG of <paramref name="rows"/>×<paramref name="columns"/> images. Row r shows images of class r mod K (K classes): the
    /// first K rows show the first images of every class, the next K rows the images after those. Empty places are grey.
    /// </summary>
    /// <param name="set">The images, grey or RGB.</param>
    /// <param name="path">The PNG file to write.</param>
    /// <param name="columns">Images per row, at least 1.</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <exception cref="UserErrorException">The file cannot be written; an earlier file of that name is unchanged.</exception>
    public static void Write(ImageSet set, string path, int columns, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ILookup<int, int> byClass = Enumerable.Range(0, set.Count).ToLookup(i => set.Labels[i]);

        int sheetWidth = columns * (set.Width + Gap) + Gap, sheetHeight = rows * (set.Height + Gap) + Gap;
        byte[] sheet = new byte[checked(sheetWidth * sheetHeight * set.Channels)];
        Array.Fill(sheet, Background);
        float[] image = new float[set.ImageLength];
        for (int row = 0; row < rows; row++)
        {
            int classes = set.ClassNames.Count, first = row / classes * columns;
            int[] members = [.. byClass[row % classes].Skip(first).Take(columns)];
            for (int column = 0; column < members.Length; column++)
            {
                set.CopyImage(members[column], image);
                int corner = (Gap + row * (set.Height + Gap)) * sheetWidth + Gap + column * (set.Width + Gap);
                for (int i = 0; i < image.Length; i++)
                {
                    int x = i % set.Width, y = i / set.Width % set.Height, channel = i / (set.Width * set.Height);
                    sheet[(corner + y * sheetWidth + x) * set.Channels + channel] = (byte)MathF.Round(image[i] * 255);
                }
            }
        }

        ColorComponents components = set.Channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue;
        AtomicFile.Write(path, file => new ImageWriter().WritePng(sheet, sheetWidth, sheetHeight, components, file));
    }
}
