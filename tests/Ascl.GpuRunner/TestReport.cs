using Xunit.Abstractions;

namespace Ascl.GpuRunner;

/// <summary>Takes xunit's messages: the tests found, then what became of each, a line as it ends.</summary>
internal sealed class TestReport : IMessageSink
{
    private const int MessageLength = 300;

    private readonly ManualResetEventSlim isDone = new();

    public List<ITestCase> Found { get; } = [];
    public int Passed { get; private set; }
    public int Failed { get; private set; }
    public int Skipped { get; private set; }

    public bool OnMessage(IMessageSinkMessage message)
    {
        switch (message)
        {
            case ITestCaseDiscoveryMessage found:
                Found.Add(found.TestCase);
                break;
            case IDiscoveryCompleteMessage or ITestAssemblyFinished:
                isDone.Set();
                break;
            case ITestPassed passed:
                Passed++;
                Line("passed", passed.Test, $"{passed.ExecutionTime:F2} s");
                break;
            case ITestSkipped skipped:
                Skipped++;
                Line("skipped", skipped.Test, skipped.Reason);
                break;
            // Also a fixture or a collection that cannot be made or taken down.
            case IFailureInformation failure:
                Failed++;
                Line("FAILED", (message as ITestMessage)?.Test, string.Join(" | ", failure.Messages));
                break;
        }
        return true;
    }

    /// <summary>Waits until what was asked for has ended: xunit works on threads of its own.</summary>
    public void Wait()
    {
        isDone.Wait();
        isDone.Reset();
    }

    private static void Line(string what, ITest? test, string text)
    {
        string line = text.ReplaceLineEndings(" ");
        Console.WriteLine(
            $"{what,-7} {test?.DisplayName ?? "(outside a test)"}: {(line.Length > MessageLength ? line[..MessageLength] + "…" : line)}");
    }
}
