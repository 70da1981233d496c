namespace Ascl.Autograd;

/// <summary>The op that computed a tensor: its name and, in derived records, its settings. Together with <see cref="Tensor.Inputs"/> and
/// <see cref="Tensor.Rectified"/> it suffices to export a forward pass.</summary>
/// <param name="Name">The op's name, such as "conv2d".</param>
public record Op(string Name)
{
    /// <summary>An op without settings.</summary>
    public static implicit operator Op(string name) => new(name);
}
