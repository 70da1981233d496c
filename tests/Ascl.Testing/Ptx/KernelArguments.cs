using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Testing.Ptx;

/// <summary>
/// A structure of arguments as ILGPU lays it out for a kernel: fields in their order, naturally aligned; a view is its address and its
/// length.
/// </summary>
internal static class KernelArguments
{
    private static readonly MethodInfo ViewOf = typeof(KernelArguments)
        .GetMethod(nameof(View), BindingFlags.Static | BindingFlags.NonPublic)!;

    /// <param name="value">The structure, or a field of it.</param>
    /// <param name="bytes">Receives its bytes.</param>
    /// <param name="buffers">Receives first address and end of each view.</param>
    public static void Write(object value, List<byte> bytes, List<(ulong Begin, ulong End)> buffers)
    {
        Type type = value.GetType();
        Pad(bytes, Alignment(type));
        switch (value)
        {
            case Enum:
                Write(Convert.ChangeType(value, Enum.GetUnderlyingType(type), CultureInfo.InvariantCulture), bytes, buffers);
                break;
            case int number:
                bytes.AddRange(BitConverter.GetBytes(number));
                break;
            case uint number:
                bytes.AddRange(BitConverter.GetBytes(number));
                break;
            case float number:
                bytes.AddRange(BitConverter.GetBytes(number));
                break;
            case ulong number:
                bytes.AddRange(BitConverter.GetBytes(number));
                break;
            case bool isTrue:
                bytes.Add(isTrue ? (byte)1 : (byte)0);
                break;
            case var _ when IsView(type):
                var (address, length, size) = ((ulong, long, long))ViewOf.MakeGenericMethod(type.GetGenericArguments())
                    .Invoke(null, [value])!;
                bytes.AddRange(BitConverter.GetBytes(address));
                bytes.AddRange(BitConverter.GetBytes(length));
                if (size > 0)
                    buffers.Add((address, address + (ulong)size));
                break;
            default:
                foreach (FieldInfo field in Fields(type))
                    Write(field.GetValue(value)!, bytes, buffers);
                Pad(bytes, Alignment(type));
                break;
        }
    }

    private static void Pad(List<byte> bytes, int alignment) => bytes.AddRange(new byte[(alignment - bytes.Count % alignment) % alignment]);

    private static int Alignment(Type type) =>
        IsView(type) ? sizeof(ulong)
        : type.IsEnum ? Alignment(Enum.GetUnderlyingType(type))
        : type == typeof(bool) ? 1
        : type.IsPrimitive ? Marshal.SizeOf(type)
        : Fields(type).Max(field => Alignment(field.FieldType));

    private static bool IsView(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ArrayView<>);

    private static IEnumerable<FieldInfo> Fields(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(field => field.MetadataToken);

    private static unsafe (ulong Address, long Length, long Size) View<T>(ArrayView<T> view) where T : unmanaged =>
        view.Length == 0 ? (0, 0, 0) : ((ulong)view.LoadEffectiveAddressAsPtr(), view.Length, view.Length * sizeof(T));
}
