using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Settings;

/// <summary>Names of code as users see them.</summary>
public static class NameText
{
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

    /// <summary>The member of an enum that a user names.</summary>
    /// <param name="setting">What is chosen, for messages.</param>
    /// <param name="name">In kebab case.</param>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static T Parse<T>(string setting, string name) where T : struct, Enum => (T)Parse(typeof(T), setting, name);

    internal static object Parse(Type type, string setting, string name)
    {
        string[] names = [.. Enum.GetNames(type).Select(Kebab)];
        int place = Array.IndexOf(names, name);
        return place >= 0 ? Enum.GetValues(type).GetValue(place)! : throw NearestName.Unknown(setting, name, names);
    }

    /// <summary>The name of an enum's member as users see it.</summary>
    public static string Of(Enum member) => Kebab(member.ToString());
}
