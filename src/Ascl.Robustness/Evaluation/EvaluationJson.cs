using System.Text.Json.Serialization;

namespace Ascl.Robustness.Evaluation;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DictionaryKeyPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(BlockOutcome))]
[JsonSerializable(typeof(CleanOutcome))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
