using System.ComponentModel;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Ascl.Robustness.Tests.Reporting;

/// <summary>A test in a browser; reported as skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute() => Skip = Browser.Name is null ? "no chromium or chrome on the PATH" : null;
}

/// <summary>Chromium or Chrome without a window, spoken to by the DevTools protocol.</summary>
internal sealed class Browser : IDisposable
{
    private const string Listening = "DevTools listening on ";

    private readonly string profile = Directory.CreateTempSubdirectory("ascl-browser").FullName;
    private readonly Process process;
    private readonly ClientWebSocket socket = new();
    private readonly List<string> events = [];
    private string? session;
    private int calls;

    /// <summary>The first of these programs that starts; null where none does.</summary>
    public static string? Name { get; } =
        Array.Find(["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"], Starts);

    public Browser()
    {
        // Chromium's sandbox does not start as root, nor in most containers; only pages made here are loaded.
        string[] arguments =
        [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0",
            $"--user-data-dir={profile}", "about:blank",
        ];
        process = Process.Start(new ProcessStartInfo(Name!, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        try
        {
            Connect();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Loads a page and waits until it stands.</summary>
    /// <param name="width">Of the window, in CSS pixels.</param>
    /// <param name="scheme">light or dark.</param>
    public void Open(string file, int width, string scheme)
    {
        Call("Emulation.setDeviceMetricsOverride",
            new() { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        Call("Emulation.setEmulatedMedia",
            new() { ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = scheme }) });
        events.Clear();
        Call("Page.navigate", new() { ["url"] = new Uri(file).AbsoluteUri });
        while (!events.Contains("Page.loadEventFired"))
            Note(Receive());
    }

    /// <summary>The value of an expression of JavaScript in the page.</summary>
    public JsonNode? Evaluate(string expression)
    {
        JsonNode answer = Call("Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true });
        return answer["exceptionDetails"] is { } problem
            ? throw new InvalidOperationException(problem.ToJsonString())
            : answer["result"]!["value"];
    }

    public void Dispose()
    {
        socket.Dispose();
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
        try
        {
            Directory.Delete(profile, recursive: true);
        }
        catch (IOException)
        {
            // A process of the browser that is just ending still writes there.
        }
    }

    private static bool Starts(string program)
    {
        try
        {
            using Process started = Process.Start(
                new ProcessStartInfo(program, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> error = started.StandardError.ReadToEndAsync();
            started.StandardOutput.ReadToEnd();
            error.Wait();
            started.WaitForExit();
            return started.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private void Connect()
    {
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        string? line;
        do
            line = process.StandardError.ReadLine() ?? throw new InvalidOperationException($"{Name} ended before it listened");
        while (!line.StartsWith(Listening, StringComparison.Ordinal));
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        socket.ConnectAsync(new Uri(line[Listening.Length..]), CancellationToken.None).GetAwaiter().GetResult();
        JsonNode page = Call("Target.getTargets")["targetInfos"]!.AsArray().First(target => target!["type"]!.GetValue<string>() == "page")!;
        session = Call("Target.attachToTarget",
            new() { ["targetId"] = page["targetId"]!.GetValue<string>(), ["flatten"] = true })["sessionId"]!.GetValue<string>();
        Call("Page.enable");
    }

    private JsonNode Call(string method, JsonObject? parameters = null)
    {
        int id = ++calls;
        JsonObject message = new() { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (session is not null)
            message["sessionId"] = session;
        socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, true, CancellationToken.None)
            .GetAwaiter().GetResult();
        while (true)
        {
            JsonNode answer = Receive();
            if (answer["id"]?.GetValue<int>() == id)
                return answer["result"] ?? throw new InvalidOperationException($"{method}: {answer["error"]}");
            Note(answer);
        }
    }

    private void Note(JsonNode message)
    {
        if (message["method"] is { } name)
            events.Add(name.GetValue<string>());
    }

    private JsonNode Receive()
    {
        using MemoryStream whole = new();
        byte[] piece = new byte[1 << 16];
        WebSocketReceiveResult received;
        do
        {
            received = socket.ReceiveAsync(piece, CancellationToken.None).GetAwaiter().GetResult();
            whole.Write(piece, 0, received.Count);
        }
        while (!received.EndOfMessage);
        return JsonNode.Parse(whole.ToArray())!;
    }
}
