using Fields = System.Collections.Generic.Dictionary<int, Ascl.Data.Sources.ThriftShape>;

namespace Ascl.Data.Sources;

/// <summary>The structures of a Parquet file that Parquet.Net reads (parquet.thrift of apache/parquet-format).</summary>
internal static class ParquetShapes
{
    private static readonly ThriftShape
        Bool = new(ThriftType.Yes), Int8 = new(ThriftType.Byte), Int16 = new(ThriftType.I16), Int32 = new(ThriftType.I32),
        Int64 = new(ThriftType.I64), Double = new(ThriftType.Double), Binary = new(ThriftType.Binary), Nothing = Struct([]);

    private static readonly ThriftShape Statistics = Struct(new()
    {
        [1] = Binary,
        [2] = Binary,
        [3] = Int64,
        [4] = Int64,
        [5] = Binary,
        [6] = Binary,
        [7] = Bool,
        [8] = Bool,
    });

    private static readonly ThriftShape Time = Struct(new()
    {
        [1] = Bool,
        [2] = Struct(new() { [1] = Nothing, [2] = Nothing, [3] = Nothing }),
    });

    private static readonly ThriftShape LogicalType = Struct(new()
    {
        [1] = Nothing,
        [2] = Nothing,
        [3] = Nothing,
        [4] = Nothing,
        [5] = Struct(new() { [1] = Int32, [2] = Int32 }),
        [6] = Nothing,
        [7] = Time,
        [8] = Time,
        [10] = Struct(new() { [1] = Int8, [2] = Bool }),
        [11] = Nothing,
        [12] = Nothing,
        [13] = Nothing,
        [14] = Nothing,
        [15] = Nothing,
        [16] = Struct(new() { [1] = Int8 }),
        [17] = Struct(new() { [1] = Binary }),
        [18] = Struct(new() { [1] = Binary, [2] = Int32 }),
    });

    private static readonly ThriftShape SchemaElement = Struct(new()
    {
        [1] = Int32,
        [2] = Int32,
        [3] = Int32,
        [4] = Binary,
        [5] = Int32,
        [6] = Int32,
        [7] = Int32,
        [8] = Int32,
        [9] = Int32,
        [10] = LogicalType,
    });

    private static readonly ThriftShape KeyValues = List(Struct(new() { [1] = Binary, [2] = Binary }));

    private static readonly ThriftShape ColumnMetaData = Struct(new()
    {
        [1] = Int32,
        [2] = List(Int32),
        [3] = List(Binary),
        [4] = Int32,
        [5] = Int64,
        [6] = Int64,
        [7] = Int64,
        [8] = KeyValues,
        [9] = Int64,
        [10] = Int64,
        [11] = Int64,
        [12] = Statistics,
        [13] = List(Struct(new() { [1] = Int32, [2] = Int32, [3] = Int32 })),
        [14] = Int64,
        [15] = Int32,
        [16] = Struct(new() { [1] = Int64, [2] = List(Int64), [3] = List(Int64) }),
        [17] = Struct(new()
        {
            [1] = Struct(Enumerable.Range(1, 8).ToDictionary(number => number, _ => Double)),
            [2] = List(Int32),
        }),
    });

    private static readonly ThriftShape ColumnChunk = Struct(new()
    {
        [1] = Binary,
        [2] = Int64,
        [3] = ColumnMetaData,
        [4] = Int64,
        [5] = Int32,
        [6] = Int64,
        [7] = Int32,
        [9] = Binary,
    });

    private static readonly ThriftShape RowGroup = Struct(new()
    {
        [1] = List(ColumnChunk),
        [2] = Int64,
        [3] = Int64,
        [4] = List(Struct(new() { [1] = Int32, [2] = Bool, [3] = Bool })),
        [5] = Int64,
        [6] = Int64,
        [7] = Int16,
    });

    /// <summary>The footer.</summary>
    public static Fields FileMetaData { get; } = new()
    {
        [1] = Int32,
        [2] = List(SchemaElement),
        [3] = Int64,
        [4] = List(RowGroup),
        [5] = KeyValues,
        [6] = Binary,
        [7] = List(Struct(new() { [1] = Nothing })),
        [9] = Binary,
    };

    /// <summary>The header of a page.</summary>
    public static Fields PageHeader { get; } = new()
    {
        [1] = Int32,
        [2] = Int32,
        [3] = Int32,
        [4] = Int32,
        [5] = Struct(new() { [1] = Int32, [2] = Int32, [3] = Int32, [4] = Int32, [5] = Statistics }),
        [6] = Nothing,
        [7] = Struct(new() { [1] = Int32, [2] = Int32, [3] = Bool }),
        [8] = Struct(new()
        {
            [1] = Int32,
            [2] = Int32,
            [3] = Int32,
            [4] = Int32,
            [5] = Int32,
            [6] = Int32,
            [7] = Bool,
            [8] = Statistics,
        }),
    };

    private static ThriftShape Struct(Fields fields) => new(ThriftType.Struct, fields);

    private static ThriftShape List(ThriftShape element) => new(ThriftType.List, Element: element);
}
