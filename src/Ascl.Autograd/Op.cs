namespace Ascl.Autograd;

/// <summary>What made a tensor: an op's name and, in the records derived from this, the settings that its inputs do not tell. With <see cref="Tensor.Inputs"/>
/// and <see cref="Tensor.Rectified"/> enough to write a forward pass down in another form.</summary>
public record Op(string Name)
{
    public static implicit operator Op(string name) => new(name);
}
