using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Settings;

/// <summary>Converts names of enum members to kebab case and back.</summary>
public static class NameText
{
    /// <summary>Converts a name to kebab case.</summary>
    /// <returns>"same-kind" for SameKind, "l2" for L2, "bf16" for Bf16.</returns>
    public static string Kebab(string name)
    {
        StringBuilder text = new();
        foreach (char letter in name)
        {
            if (char.IsUpper(letter) && text.Length > 0)
                text.Append('-');
            text.Append(char.ToLowerInvariant(letter));
        }
        return text.ToString();
    }

    /// <summary>The enum member with a name in kebab case.</summary>
    /// <param name="setting">Name of the setting, for messages.</param>
    /// <param name="name">In kebab case.</param>
    /// <exception cref="UserErrorException">There is no such member.</exception>
    public static T Parse<T>(string setting, string name) where T : struct, Enum => (T)Parse(typeof(T), setting, name);

    internal static object Parse(Type type, string setting, string name)
    {
        string[] names = [.. Enum.GetNames(type).Select(Kebab)];
        int index = Array.IndexOf(names, name);
        return index >= 0 ? Enum.GetValues(type).GetValue(index)! : throw NearestName.Unknown(setting, name, names);
    }

    /// <summary>The name of an enum member in kebab case.</summary>
    public static string Of(Enum member) => Kebab(member.ToString());
}
