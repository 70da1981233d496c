using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Core.Settings;

/// <summary>
/// The settings of a record: its own, those of records that it groups, and those of chosen objects. In JSON they form one flat object, by
/// name.
/// </summary>
public static class SettingTree
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<Setting>> Known = new();
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<(PropertyInfo Property, Setting? Setting)>> Members = new();
    private static readonly MethodInfo Clone = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>All settings that an object of a type may have with any choice, in the order of declaration; each name once.</summary>
    public static IReadOnlyList<Setting> Of(Type type) => Known.GetOrAdd(type, static type =>
        [.. Prototypes(Activator.CreateInstance(type)!).Select(declared => declared.Setting).DistinctBy(setting => setting.Name)]);

    /// <summary>The default values of all settings of a type by name, including those of objects that are not chosen by default.</summary>
    public static JsonObject Defaults(Type type) =>
        Values(Prototypes(Activator.CreateInstance(type)!).Select(declared => (declared.Holder, (Setting?)declared.Setting)));

    /// <summary>The settings that an object has now, including those of chosen objects only.</summary>
    public static IEnumerable<Setting> Of(object settings) => Held(settings).Select(held => held.Setting).OfType<Setting>();

    /// <summary>The values by name, without nulls.</summary>
    public static JsonObject ToJson(object settings) => Values(Held(settings));

    /// <summary>A copy of settings, overridden by given values.</summary>
    /// <param name="defaults">Values of settings that are not given.</param>
    /// <param name="given">Values by name; null stands for the default. Settings of objects that are not chosen are ignored.</param>
    /// <param name="where">Source of the values, for messages.</param>
    /// <exception cref="UserErrorException">A name is unknown, or a value has the wrong type or is out of range.</exception>
    public static T Read<T>(T defaults, JsonObject given, string where) where T : class => Checked(Fill(defaults, given, where), where);

    /// <summary>The same without checking ranges and rules.</summary>
    /// <exception cref="UserErrorException">A name is unknown, or a value has the wrong type.</exception>
    public static T Fill<T>(T defaults, JsonObject given, string where) where T : class
    {
        JsonObject named = [];
        IReadOnlyList<Setting> known = Of(defaults.GetType());
        foreach (var (key, value) in given)
        {
            Setting setting = known.FirstOrDefault(setting => setting.Name == key)
                ?? known.FirstOrDefault(setting => setting.FormerName == key)
                ?? throw JsonFile.UnknownKey(where, key, [.. known.Select(setting => setting.Name)]);
            if (value is not null)
                named[setting.Name] = value.DeepClone();
        }
        T filled = (T)Build(defaults, named, where);
        HashSet<string> held = [.. Of(filled).Select(setting => setting.Name)];
        foreach (var (key, value) in named.Where(pair => !held.Contains(pair.Key)))
            CheckUnused(defaults.GetType(), key, value!, where);
        return filled;
    }

    /// <summary>Checks all values and returns the settings.</summary>
    /// <param name="settings">An object with declared settings.</param>
    /// <param name="where">Source of the values, for messages; null if they were set in code.</param>
    /// <exception cref="UserErrorException">A value is out of range or violates a rule.</exception>
    public static T Checked<T>(this T settings, string? where = null) where T : class
    {
        (object Holder, Setting? Setting)[] held = [.. Held(settings)];
        foreach (var (holder, setting) in held)
            setting?.Check(holder, where);
        // Rules of several settings after the range of each.
        IEnumerable<ICheckedSettings> ruled = held.Where(one => one.Setting is null).Select(one => one.Holder).OfType<ICheckedSettings>();
        foreach (SettingProblem problem in ruled.SelectMany(holder => holder.Problems()))
            throw problem.Error(where ?? settings.GetType().Name);
        return settings;
    }

    /// <summary>Values by name; if several objects hold a setting, that of the first.</summary>
    private static JsonObject Values(IEnumerable<(object Holder, Setting? Setting)> held)
    {
        JsonObject all = [];
        foreach (var (holder, setting) in held)
            if (setting?.Read(holder) is { } value)
                all.TryAdd(setting.Name, value);
        return all;
    }

    /// <summary>Checks a value of an object that is not chosen: it has no effect, but must be valid.</summary>
    private static void CheckUnused(Type type, string name, JsonNode value, string where)
    {
        var (holder, setting) = Prototypes(Activator.CreateInstance(type)!).First(declared => declared.Setting.Name == name);
        object copy = Clone.Invoke(holder, null)!;
        if (setting.Alternatives.Count > 0)
            setting.Chosen(value, where);
        else
            setting.Write(copy, value, where);
        setting.Check(copy, where);
    }

    /// <summary>All settings that an object may have, each with an object that holds its default.</summary>
    private static IEnumerable<(object Holder, Setting Setting)> Prototypes(object holder)
    {
        foreach (var (property, setting) in MembersOf(holder.GetType()))
        {
            if (setting is not null)
                yield return (holder, setting);
            IEnumerable<object> inner = setting is null ? [property.GetValue(holder)!] : setting.Alternatives;
            foreach (var declared in inner.SelectMany(Prototypes))
                yield return declared;
        }
    }

    /// <summary>The objects that hold settings: each once without a setting, then with every setting that it holds.</summary>
    private static IEnumerable<(object Holder, Setting? Setting)> Held(object holder)
    {
        yield return (holder, null);
        foreach (var (property, setting) in MembersOf(holder.GetType()))
        {
            if (setting is not null)
                yield return (holder, setting);
            if ((setting is null || setting.Alternatives.Count > 0) && property.GetValue(holder) is { } inner)
            {
                foreach (var held in Held(inner))
                    yield return held;
            }
        }
    }

    private static object Build(object prototype, JsonObject given, string where)
    {
        // Objects without settings are shared, not copied.
        if (MembersOf(prototype.GetType()).Count == 0)
            return prototype;
        object copy = Clone.Invoke(prototype, null)!;
        foreach (var (property, setting) in MembersOf(prototype.GetType()))
        {
            if (setting is null)
            {
                Set(property, Build(property.GetValue(prototype)!, given, where));
            }
            else if (setting.Alternatives.Count > 0)
            {
                INamedSettings chosen = (INamedSettings)property.GetValue(prototype)!;
                // An object that is already chosen keeps its settings.
                if (given[setting.Name] is { } name && setting.Chosen(name, where) is var other && other.Name != chosen.Name)
                    chosen = other;
                Set(property, Build(chosen, given, where));
            }
            else if (given[setting.Name] is { } value)
            {
                setting.Write(copy, value, where);
            }
        }
        return copy;

        void Set(PropertyInfo property, object value) =>
            property.SetMethod!.Invoke(copy, BindingFlags.DoNotWrapExceptions, null, [value], null);
    }

    /// <summary>Base classes' members come first, so that shared settings lead.</summary>
    private static IReadOnlyList<(PropertyInfo Property, Setting? Setting)> MembersOf(Type type) => Members.GetOrAdd(type, static type =>
    [
        .. from property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
           let setting = Setting.Of(property)
           where setting is not null || property.IsDefined(typeof(SettingGroupAttribute))
           orderby Depth(property.DeclaringType!), property.MetadataToken
           select (property, setting),
    ]);

    private static int Depth(Type type) => type.BaseType is { } parent ? 1 + Depth(parent) : 0;
}
