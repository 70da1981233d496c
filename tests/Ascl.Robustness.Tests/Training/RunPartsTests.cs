using Ascl.Robustness.Attacks;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

public sealed class RunPartsTests
{
    /// <summary>Training by one step must not be judged by one step: it withstands that and little else.</summary>
    [Theory]
    [InlineData(1, 10 / 255.0, 10, 2 / 255.0, 2 / 255.0)]
    [InlineData(3, 2 / 255.0, 10, 2 / 255.0, 2 / 255.0)]
    [InlineData(5, 2.5 / 255, 5, 2.5 / 255, 2 / 255.0)]
    [InlineData(10, 2 / 255.0, 10, 2 / 255.0, 2 / 255.0)]
    [InlineData(7, 1 / 255.0, 7, 1 / 255.0, 1 / 255.0)]
    public void WeakAttacksOfTrainingDoNotJudgeIt(int steps, double stepSize, int validationSteps, double validationStep, double reportStep)
    {
        RunConfig config = new() { AttackSteps = steps, StepSize = stepSize };
        PgdSettings validation = RunParts.ValidationAttack(config).Settings, report = RunParts.ReportAttack(config).Settings;
        Assert.Equal((validationSteps, 20), (validation.Steps, report.Steps));
        Assert.Equal(validationStep, validation.StepSize, 12);
        Assert.Equal(reportStep, report.StepSize, 12);
    }
}
