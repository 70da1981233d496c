using System.Reflection;
using Ascl.Kernels.Devices;

namespace Ascl.Testing.Ptx;

/// <summary>
/// Every CUDA kernel of the engine: a static method whose one parameter is a structure named …Arguments; a generic one with every formula
/// that its constraints allow.
/// </summary>
internal static class CudaKernels
{
    private static readonly Type[] Types = typeof(Device).Assembly.GetTypes();

    public static IEnumerable<MethodInfo> All() =>
        from type in Types
        where !type.ContainsGenericParameters
        from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        let parameters = method.GetParameters()
        where method.ReturnType == typeof(void) && parameters.Length == 1
        && parameters[0].ParameterType.Name.EndsWith("Arguments", StringComparison.Ordinal)
        from instance in Instances(method)
        select instance;

    /// <summary>Such as "Elementwise.Map(Relu)".</summary>
    public static string Name(MethodInfo kernel)
    {
        string arguments = string.Join(", ", kernel.GetGenericArguments().Select(a => a.Name));
        return $"{kernel.DeclaringType!.FullName!.Split('.')[2]}.{kernel.Name}{(arguments.Length == 0 ? "" : $"({arguments})")}";
    }

    private static IEnumerable<MethodInfo> Instances(MethodInfo method)
    {
        if (!method.IsGenericMethodDefinition)
            return [method];
        IEnumerable<Type[]> choices = [[]];
        foreach (Type parameter in method.GetGenericArguments())
        {
            Type rule = parameter.GetGenericParameterConstraints().Single(c => c.IsInterface);
            Type[] fitting = [.. Types.Where(t => t.IsValueType && !t.ContainsGenericParameters && rule.IsAssignableFrom(t))];
            choices = [.. choices.SelectMany(begun => fitting.Select(t => (Type[])[.. begun, t]))];
        }
        return choices.Select(arguments => method.MakeGenericMethod(arguments));
    }
}
