using Ascl.Core.Diagnostics;
using Ascl.Distributed;

namespace Ascl.Robustness.Training;

/// <summary>What must be equal on all ranks that train together; nothing is done where there is one.</summary>
internal static class RankChecks
{
    /// <summary>Compares everything that the result depends on, before the first step. Collective.</summary>
    /// <exception cref="CollectiveErrorException">A rank differs.</exception>
    public static void Require(Trainer trainer)
    {
        if (trainer.Communicator.Size == 1)
            return;
        trainer.Communicator.RequireSame(
        [
            ("build of ascl", typeof(Trainer).Module.ModuleVersionId.ToString()),
            ("configuration", trainer.Description.ToJsonString()),
            ("data (content hash)", trainer.Data.ContentHash),
            ("extra images (content hash)", trainer.Data.ExtraHash ?? "none"),
            // Vectors of another width add in another order.
            ("instruction set", trainer.Model.Device.InstructionSet),
            ("state to resume from (epoch, step)", $"{trainer.Progress.Epoch}, {trainer.Progress.Step}"),
            ("starting weights (hash)", trainer.Model.WeightHash()),
            ("natural network (hash)", trainer.NaturalHash ?? "none"),
        ]);
    }

    /// <summary>Compares the weights, before they are saved. Collective.</summary>
    /// <exception cref="UserErrorException">A rank has other weights, by a fault of its machine or of a callback.</exception>
    public static void RequireSameWeights(Trainer trainer)
    {
        if (trainer.Communicator.Size > 1)
            trainer.Communicator.RequireSame([($"weights (hash) after epoch {trainer.Progress.Epoch}, step {trainer.Progress.Step}",
                trainer.Model.WeightHash())]);
    }
}
