using System.Numerics;
using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Ascl.Data.Sources;

/// <summary>Reads columns of row groups after checking their pages.</summary>
/// <param name="pages">Checks the pages.</param>
/// <param name="footer">Position of the footer.</param>
internal sealed class ParquetValues(ParquetPages pages, long footer)
{
    /// <summary>The values of a column that are not null and, if it may have nulls, the definition level of each row.</summary>
    /// <param name="group">The row group.</param>
    /// <param name="field">The column, without repetition.</param>
    /// <param name="unread">What a value is where the pages have too few, which Parquet.Net does not say.</param>
    /// <exception cref="InvalidDataException">Something does not fit.</exception>
    public (T[] Values, int[]? Levels) Read<T>(ParquetRowGroupReader group, DataField field, T unread)
        where T : struct
    {
        ColumnMetaData column = group.GetMetadata(field)?.MetaData ?? throw new InvalidDataException($"column {field.Path} is missing");
        if (column.NumValues != group.RowCount)
            throw new InvalidDataException($"column {field.Path} has {column.NumValues} values in {group.RowCount} rows");
        pages.Check(column, footer);
        T[] values = new T[group.RowCount];
        Array.Fill(values, unread);
        int[]? levels = field.MaxDefinitionLevel > 0 ? new int[group.RowCount] : null;
        // Without the conversion, null would be an array of no levels.
        group.ReadRawAsync<T>(field, values, levels is null ? (Memory<int>?)null : levels, null).AsTask().GetAwaiter().GetResult();
        return (values, levels);
    }

    /// <summary>The numbers of a column; null where the column has none.</summary>
    /// <inheritdoc cref="Read"/>
    public long?[] Whole(ParquetRowGroupReader group, DataField field) => System.Type.GetTypeCode(field.ClrType) switch
    {
        TypeCode.Int64 => Whole<long>(group, field),
        TypeCode.Int32 => Whole<int>(group, field),
        TypeCode.Int16 => Whole<short>(group, field),
        TypeCode.SByte => Whole<sbyte>(group, field),
        TypeCode.UInt64 => Whole<ulong>(group, field),
        TypeCode.UInt32 => Whole<uint>(group, field),
        TypeCode.UInt16 => Whole<ushort>(group, field),
        _ => Whole<byte>(group, field),
    };

    private long?[] Whole<T>(ParquetRowGroupReader group, DataField field)
        where T : struct, IBinaryInteger<T>
    {
        // Any number may be a label, so what was not read is what differs after a second reading over other numbers.
        var (values, levels) = Read(group, field, T.Zero);
        var (again, _) = Read(group, field, T.One);
        long?[] numbers = new long?[values.Length];
        for (int i = 0, next = 0; i < numbers.Length; i++)
        {
            if (levels is not null && levels[i] < field.MaxDefinitionLevel)
                continue;
            if (values[next] != again[next])
                throw new InvalidDataException($"column {field.Path} has too few values");
            numbers[i] = long.CreateSaturating(values[next++]);
        }
        return numbers;
    }
}
