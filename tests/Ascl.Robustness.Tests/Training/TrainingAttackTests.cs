using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

public sealed class TrainingAttackTests
{
    /// <summary>Whatever was trained with, validation and reports attack with steps that follow from ε: training by one step must not be
    /// judged by one step, nor training by short steps by steps that go nowhere.</summary>
    [Theory]
    [InlineData(1, 10 / 255.0, 10, 2 / 255.0)]
    [InlineData(3, 2 / 255.0, 10, 2 / 255.0)]
    [InlineData(5, 2.5 / 255, 5, 4 / 255.0)]
    [InlineData(10, 2 / 255.0, 10, 2 / 255.0)]
    [InlineData(8, 0.1 / 255, 8, 2.5 / 255)]
    public void ValidationStepsDoNotFollowTheTrainingAttack(int steps, double stepSize, int validationSteps, double validationStep)
    {
        TrainingAttackSettings attack = new() { Steps = steps, StepSize = stepSize };
        PgdSettings validation = attack.Validation.Settings, report = attack.Report[^1].Settings;
        Assert.Equal((validationSteps, 20), (validation.Steps, report.Steps));
        Assert.Equal(validationStep, validation.StepSize, 12);
        Assert.Equal(2 / 255.0, report.StepSize, 12);
    }

    /// <summary>Steps follow ε in every norm; what is given stays.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, null, 8 / 255.0)]
    [InlineData(PerturbationNorm.Linf, 0.3, 0.3)]
    [InlineData(PerturbationNorm.L2, null, 0.5)]
    [InlineData(PerturbationNorm.L2, 1.5, 1.5)]
    public void StepsFollowEpsilon(PerturbationNorm norm, double? given, double epsilon)
    {
        TrainingAttackSettings config = given is { } value ? new() { Norm = norm, Epsilon = value } : new() { Norm = norm };
        Assert.Equal((norm, epsilon), (config.Threat.Norm, config.Threat.Epsilon));
        Assert.Equal(epsilon / 4, config.StepSize, 12);
        Assert.Equal(epsilon / 2, (config with { Steps = 5 }).StepSize, 12);
        Assert.Equal(0.007, (config with { StepSize = 0.007, Steps = 5 }).StepSize);
        foreach (PgdAttack attack in config.Report.Append(config.Validation))
        {
            Assert.Equal((config.Threat.Norm, epsilon), (attack.Norm, attack.Epsilon));
            Assert.True(attack.Steps * attack.StepSize >= epsilon);
        }
    }

    /// <summary>Read from a file or a command line, they follow too; a file that holds them wins.</summary>
    [Fact]
    public void StepsFollowEpsilonInJson()
    {
        RunConfig l2 = RunConfig.Of(new() { ["norm"] = "l2" }, "test"), back = RunConfig.Of(l2.ToJson(), "test");
        Assert.Equal((0.5, 0.125), (l2.Attack.Epsilon, l2.Attack.StepSize));
        Assert.Equal((0.5, 0.125), (back.Attack.Epsilon, back.Attack.StepSize));
        Assert.Equal(0.75, RunConfig.Of(new() { ["norm"] = "l2", ["epsilon"] = 3.0 }, "test").Attack.StepSize);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(4, 0.625)]
    [InlineData(5, 0.5)]
    [InlineData(10, 0.25)]
    [InlineData(20, 0.25)]
    [InlineData(1000, 0.25)]
    public void DefaultStepSizeFollowsItsFormula(int steps, double share) =>
        Assert.Equal(0.3 * share, PgdSettings.DefaultStepSize(0.3, steps), 12);

    /// <summary>An ε belongs to its norm.</summary>
    [Theory]
    [InlineData(null, null, null, PerturbationNorm.Linf, 8 / 255.0)]
    [InlineData(PerturbationNorm.L2, null, null, PerturbationNorm.L2, 0.5)]
    [InlineData(null, 0.1, null, PerturbationNorm.Linf, 0.1)]
    [InlineData(null, null, 1.5, PerturbationNorm.L2, 1.5)]
    [InlineData(PerturbationNorm.L2, null, 1.5, PerturbationNorm.L2, 1.5)]
    [InlineData(PerturbationNorm.Linf, null, 1.5, PerturbationNorm.Linf, 8 / 255.0)]
    [InlineData(null, 0.7, 1.5, PerturbationNorm.L2, 0.7)]
    public void EvaluationUsesTheThreatModelOfTheRun(
        PerturbationNorm? norm, double? epsilon, double? trainedL2, PerturbationNorm expectedNorm, double expectedEpsilon)
    {
        ThreatModel threat = ThreatModel.Of(norm, epsilon, trainedL2 is { } trained ? new(PerturbationNorm.L2, trained) : null);
        Assert.Equal((expectedNorm, expectedEpsilon), (threat.Norm, threat.Epsilon));
    }

    /// <summary>Steps that cannot reach the boundary are told; the others are not.</summary>
    [Fact]
    public void StepsTooShortToReachTheBorderAreNoted()
    {
        Assert.Contains("cannot reach the boundary", AttackCatalog.Note(new PgdAttack(new(1.5, 2 / 255.0, 20, PerturbationNorm.L2)), 10));
        Assert.Contains("cannot reach the boundary", AttackCatalog.Note(new MultiTargetedAttack(0.3, 0.01), 10));
        foreach (string name in AttackCatalog.Names)
            foreach (PerturbationNorm norm in AttackCatalog.NormsOf(name))
                foreach (PlannedAttack planned in AttackCatalog.Of([name], new(0.3, Norm: norm)))
                    Assert.DoesNotContain("cannot reach the boundary", AttackCatalog.Note(planned.Attack, 10) ?? "");
    }

    /// <summary>A given step keeps its share of ε where a curve looks at other balls.</summary>
    [Fact]
    public void CurvesScaleAGivenStepSize()
    {
        AttackOptions given = new(0.4, 0.05), derived = new(0.4);
        Assert.Equal((0.05, 0.025), (given.Within(0.4).StepSizeFor(20), given.Within(0.2).StepSizeFor(20)));
        Assert.Equal(0.05, derived.Within(0.2).StepSizeFor(20));
    }

    /// <summary>A configuration made in code is checked as one from the command line.</summary>
    [Fact]
    public void WrongValuesAreRefusedInCode()
    {
        RunConfig usual = TinyRun.Config;
        Refused(usual with { Method = new AsclObjective { Contrastive = new() { Temperature = -1 } } }, "temperature");
        Refused(usual with { Attack = new() { Epsilon = double.NaN, StepSize = 0.1 } }, "epsilon");
        Refused(usual with { Attack = new() { Norm = (PerturbationNorm)7 } }, "norm");
        Refused(usual with { Run = usual.Run with { Threads = 100000 } }, "threads");
        Refused(usual with { Schedule = new PiecewiseSchedule { Milestones = [2, 1] } }, "milestones");
        // Where no file or command line is in play, messages name the property.
        Assert.StartsWith("SgdSettings.Momentum is 1: must be",
            Assert.Throws<UserErrorException>(() => new SgdOptimizer([], new() { Momentum = 1 })).Message);
        SupConObjective cold = new() { Contrastive = new() { Temperature = -1 } };
        Assert.StartsWith("ContrastiveSettings.Temperature is -1", Assert.Throws<UserErrorException>(() => cold.Checked()).Message);
        Assert.Throws<UserErrorException>(() => new PgdSettings(-0.1, 0.1, 1));
        Assert.Throws<UserErrorException>(() => new PgdSettings(0.1, 0.1, 1) with { StepSize = double.NaN });
        Assert.Throws<UserErrorException>(() => new AutoPgdSettings(0.1, Steps: 0));
        Assert.Throws<UserErrorException>(() => new BoundarySettings(double.PositiveInfinity));
        Assert.Throws<UserErrorException>(() => new SquareAttack(0.1, queries: 0));
        Assert.Throws<UserErrorException>(() => new Kernels.Devices.CpuDevice(threads: -1));
        Assert.Throws<UserErrorException>(() => new Kernels.Devices.CpuDevice(threads: 100000));

        static void Refused(RunConfig config, string names)
        {
            using TinyRun runs = new();
            Assert.Contains(names, Assert.Throws<UserErrorException>(() => runs.Train(config)).Message);
        }
    }
}
