namespace Ascl.Autograd.Checking;

/// <summary>The cases of every op in Ascl.Autograd.Ops.</summary>
public static class OpCases
{
    /// <summary>All cases, with inputs drawn from the seed.</summary>
    public static IEnumerable<OpCase> All(ulong seed)
    {
        CaseInputs inputs = new(seed);
        return
        [
            .. Conv2dCases.Of(inputs),
            .. WindowConv2dCases.Of(inputs),
            .. BatchNormCases.Of(inputs),
            .. Pool2dCases.Of(inputs),
            .. ElementwiseCases.Of(inputs),
            .. UnaryCases.Of(inputs),
            .. BroadcastingCases.Of(inputs),
            .. ShapeCases.Of(inputs),
            .. ReductionCases.Of(inputs),
            .. MatrixProductCases.Of(inputs),
            .. ImageCases.Of(inputs),
            .. RowCases.Of(inputs),
            .. PairDistanceCases.Of(inputs),
            .. LossCases.Of(inputs),
            .. MarginCases.Of(inputs),
            .. ContrastiveCases.Of(inputs),
            .. Pool2dCases.WithPadding(inputs),
            .. ChannelCases.Of(inputs),
        ];
    }
}
