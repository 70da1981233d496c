using System.Text.Json;
using Ascl.Core.Diagnostics;
using Parquet.Schema;

namespace Ascl.Data.Sources;

/// <summary>
/// The columns of images and labels of a Parquet file: the only one that holds bytes (a structure with <c>bytes</c> and <c>path</c>, as
/// Hugging Face's <c>Image</c> is stored, or plain bytes), and the one of whole numbers that the metadata calls a <c>ClassLabel</c> or that
/// has a usual name. Of fine and coarse labels the fine ones are taken.
/// </summary>
/// <param name="Image">The column of the images' bytes.</param>
/// <param name="ImageName">Its name, without that of the field in the structure.</param>
/// <param name="Label">The column of labels.</param>
/// <param name="Notes">Notes for the user, one line each.</param>
internal sealed record ParquetColumns(DataField Image, string ImageName, DataField Label, IReadOnlyList<string> Notes)
{
    /// <summary>Key of the metadata that Hugging Face writes.</summary>
    private const string MetadataKey = "huggingface";

    private const string ClassLabelType = "ClassLabel", Fine = "fine", Coarse = "coarse";

    private static readonly HashSet<string> LabelNames = new(StringComparer.OrdinalIgnoreCase)
    {
        "label", "labels", "fine_label", "fine_labels", "coarse_label", "coarse_labels", "target", "targets", "class", "y",
    };

    private static readonly Type[] WholeNumbers =
        [typeof(int), typeof(long), typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(uint), typeof(ulong)];

    /// <summary>Chooses the columns.</summary>
    /// <param name="path">The file in messages.</param>
    /// <param name="schema">All columns.</param>
    /// <param name="metadata">The file's metadata.</param>
    /// <exception cref="UserErrorException">There is no such column, or more than one.</exception>
    public static ParquetColumns Of(string path, ParquetSchema schema, IReadOnlyDictionary<string, string> metadata)
    {
        Field[] images = [.. schema.Fields.Where(field => Bytes(field) is not null)];
        HashSet<string> classLabels = [.. Features(path, metadata).Where(IsClassLabel).Select(feature => feature.Name)];
        Field[] labels = [.. schema.Fields.Where(field => classLabels.Contains(field.Name))];
        if (labels.Length == 0)
            labels = [.. schema.Fields.Where(field => LabelNames.Contains(field.Name))];
        if (images.Length != 1)
        {
            throw new UserErrorException(images.Length == 0
                ? $"{path}: no column holds images: wanted is one of bytes, or of {{bytes, path}}; there are {Listed(schema.Fields)}"
                : $"{path}: has images in several columns: {string.Join(", ", images.Select(field => field.Name))}; one is read");
        }
        List<string> notes = [];
        if (labels.Length > 1 && labels.Count(IsFine) == 1 && labels.All(field => IsFine(field) || IsCoarse(field)))
        {
            Field fine = labels.First(IsFine);
            notes.Add($"{fine.Name} is read, {string.Join(", ", labels.Where(IsCoarse).Select(field => field.Name))} left out");
            labels = [fine];
        }
        if (labels.Length != 1)
        {
            throw new UserErrorException(labels.Length == 0
                ? $"{path}: has no column of labels, such as label; there are {Listed(schema.Fields)}"
                : $"{path}: has several columns of labels: {string.Join(", ", labels.Select(field => field.Name))}; one is read");
        }
        if (labels[0] is not DataField { MaxRepetitionLevel: 0, IsArray: false } label)
            throw new UserErrorException($"{path}: column {labels[0].Name} has several values a row; one label is read");
        if (!WholeNumbers.Contains(label.ClrType))
            throw new UserErrorException($"{path}: column {label.Name} is of {TypeName(label)}; labels are whole numbers");
        return new(Bytes(images[0])!, images[0].Name, label, notes);
    }

    /// <summary>The class names of the labels in the metadata; null where it has none.</summary>
    /// <param name="path">The file in messages.</param>
    /// <param name="label">The column of labels.</param>
    /// <param name="metadata">The file's metadata.</param>
    /// <param name="count">Number of classes that the labels need.</param>
    /// <exception cref="UserErrorException">They are no names, or too few.</exception>
    public static string[]? ClassNames(string path, DataField label, IReadOnlyDictionary<string, string> metadata, int count)
    {
        JsonProperty feature = Features(path, metadata).FirstOrDefault(feature => feature.Name == label.Name && IsClassLabel(feature));
        return feature.Value.ValueKind == JsonValueKind.Object && feature.Value.TryGetProperty("names", out JsonElement names)
            ? NamesInJson.Read(names, $"{path}: the metadata of {label.Name}, names,", count)
            : null;
    }

    /// <summary>The bytes of an image column; null where it is another kind of column.</summary>
    private static DataField? Bytes(Field field) => field switch
    {
        DataField { MaxRepetitionLevel: 0, IsArray: false } data when data.ClrType == typeof(ReadOnlyMemory<byte>) => data,
        StructField { MaxRepetitionLevel: 0 } group => group.Fields.Where(child => child.Name == "bytes").Select(Bytes).FirstOrDefault(),
        _ => null,
    };

    private static bool IsFine(Field field) => field.Name.Contains(Fine, StringComparison.OrdinalIgnoreCase);

    private static bool IsCoarse(Field field) => field.Name.Contains(Coarse, StringComparison.OrdinalIgnoreCase);

    private static bool IsClassLabel(JsonProperty feature) => feature.Value.ValueKind == JsonValueKind.Object
        && feature.Value.TryGetProperty("_type", out JsonElement type) && type.ValueKind == JsonValueKind.String
        && type.ValueEquals(ClassLabelType);

    /// <summary>The features of info.features; none where there is no such metadata.</summary>
    private static JsonProperty[] Features(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(MetadataKey, out string? json) || json is null)
            return [];
        try
        {
            JsonElement place = JsonElement.Parse(json);
            foreach (string name in new[] { "info", "features" })
            {
                if (place.ValueKind != JsonValueKind.Object || !place.TryGetProperty(name, out place))
                    return [];
            }
            return place.ValueKind == JsonValueKind.Object ? [.. place.EnumerateObject()] : [];
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{path}: the metadata {MetadataKey} is not JSON", e);
        }
    }

    /// <summary>The type as the format names it, such as INT64.</summary>
    private static string TypeName(DataField field) =>
        field.ClrType == typeof(ReadOnlyMemory<char>) ? "STRING" : field.SchemaElement?.Type?.ToString() ?? field.ClrType.Name;

    private static string Listed(IReadOnlyList<Field> fields)
    {
        const int shown = 8;
        string names = string.Join(", ", fields.Take(shown).Select(Described));
        return fields.Count == 0 ? "no columns" : $"{names}{(fields.Count > shown ? ", …" : "")}";

        static string Described(Field field) => field switch
        {
            StructField group => $"{field.Name} {{{string.Join(", ", group.Fields.Select(child => child.Name))}}}",
            DataField { IsArray: false } data => $"{field.Name} ({TypeName(data)})",
            _ => $"{field.Name} (several values a row)",
        };
    }
}
