using System.Reflection;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Cuda;
using Ascl.Robustness.Tests.Training;
using Ascl.Testing;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Ascl.GpuRunner;

/// <summary>
/// gpu-tests NAME...: runs the CUDA tests whose class is called so, on the machine's GPU or, without one, by executing their PTX; without a
/// name it lists the classes.
/// </summary>
internal static class Program
{
    private static readonly Assembly[] Assemblies = [typeof(PtxTests).Assembly, typeof(CudaParityTests).Assembly];

    /// <returns>1 where a test failed or none was found; the last line is "N passed, N failed, N skipped".</returns>
    private static int Main(string[] classes)
    {
        if (classes.Length > 0)
            Console.WriteLine(TestGpu.IsReal ? $"on {TestGpu.Device.Name}" : "no GPU: PTX is executed");
        (int passed, int failed, int skipped) = (0, 0, 0);
        foreach (Assembly assembly in Assemblies)
        {
            TestReport report = new();
            using XunitTestFramework framework = new(report);
            using ITestFrameworkDiscoverer discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
            discoverer.Find(includeSourceInformation: false, report, new TestOptions());
            report.Wait();
            if (classes.Length == 0)
            {
                foreach (string name in report.Found.Select(ClassOf).Distinct().Order())
                    Console.WriteLine(name);
                continue;
            }
            using ITestFrameworkExecutor executor = framework.GetExecutor(assembly.GetName());
            executor.RunTests(report.Found.Where(test => classes.Contains(ClassOf(test))), report, new TestOptions());
            report.Wait();
            (passed, failed, skipped) = (passed + report.Passed, failed + report.Failed, skipped + report.Skipped);
        }
        if (classes.Length == 0)
            return 0;
        Console.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
        return failed == 0 && passed > 0 ? 0 : 1;
    }

    private static string ClassOf(ITestCase test) => test.TestMethod.TestClass.Class.Name.Split('.')[^1];
}
