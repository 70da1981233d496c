namespace Ascl.Robustness.Reporting;

/// <summary>The style of pages, light and dark, from phones to print. The page itself never scrolls horizontally; wider content
/// (<c>.wide</c>) scrolls in its own box, which shows a scroll bar, shadows at edges with hidden content, and fixed row names.</summary>
internal static class PageStyle
{
    /// <summary>--heat shades the cells of heat maps; text must be legible on it at every opacity.</summary>
    private static readonly string Light =
        "color-scheme: light; --text: #1c1e21; --back: #ffffff; --soft: #5c6370; --line: #d7dae0; --card: #f6f7f9; --heat: 70, 165, 228; "
            + $"--flipped: #b34700; --mark: #e69f00; --shade: rgba(0, 0, 0, .3); {Chart.CssVariables(isDark: false)}";

    private static readonly string Dark =
        "color-scheme: dark; --text: #e4e6ea; --back: #16181c; --soft: #a3aab6; --line: #343840; --card: #1f2228; --heat: 0, 96, 150; "
            + $"--flipped: #ff9a4d; --mark: #f2b630; --shade: rgba(154, 170, 195, .5); {Chart.CssVariables(isDark: true)}";

    /// <summary>Backgrounds of a scrolling box: a shadow at each end, hidden by a cover that scrolls with the content when there is nothing
    /// more in that direction.</summary>
    private const string ScrollShadows =
        "linear-gradient(to right, var(--back) 40%, transparent) 0 0 / 3em 100% no-repeat local, linear-gradient(to left, var(--back) 40%, "
            + "transparent) 100% 0 / 3em 100% no-repeat local, linear-gradient(to right, var(--shade), transparent) 0 0 / 1em 100% "
            + "no-repeat scroll, linear-gradient(to left, var(--shade), transparent) 100% 0 / 1em 100% no-repeat scroll";

    /// <summary>The content of a style element.</summary>
    public static string Css { get; } = $$"""
        :root { {{Light}} }
        @media screen and (prefers-color-scheme: dark) { :root { {{Dark}} } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 1180px; margin: 2em auto;
            padding: 0 1em; overflow-wrap: anywhere; -webkit-text-size-adjust: 100% }
        h1 { font-size: 1.6em; line-height: 1.25; margin-bottom: .2em } h2 { font-size: 1.2em; margin: 2em 0 .6em;
            border-bottom: 1px solid var(--line); padding-bottom: .2em }
        p.soft, figcaption { color: var(--soft) } figcaption { font-size: .9em; margin: .3em 0 .8em }
        pre { background: var(--card); padding: .8em; border-radius: 6px; white-space: pre-wrap; font-size: .9em }
        .warning { border-left: 4px solid var(--mark); background: var(--card); padding: .5em .8em; margin: .4em 0 }
            .flipped { color: var(--flipped) }
        .wide { overflow-x: auto; scrollbar-width: thin; scrollbar-color: var(--soft) var(--card); background: {{ScrollShadows}} }
        .tall { overflow: auto; max-height: 85vh }
        .wide + .row, .wide + p { margin-top: 1em }
        table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; overflow-wrap: normal }
            th, td { padding: .25em .7em; border-bottom: 1px solid var(--line); text-align: left }
        thead th { vertical-align: bottom } th { font-weight: 600 } td { white-space: nowrap } .n { text-align: right }
            td.l, th.l { white-space: normal; overflow-wrap: anywhere; min-width: 9em; max-width: 44em }
        th:first-child, td:first-child { position: sticky; left: 0; background: var(--back) }
            th.l:first-child, td.l:first-child { max-width: 16em }
        th.up span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 13em; overflow-wrap: anywhere; text-align: left;
            line-height: 1.2 } th.up, th.up ~ th { padding: .25em .5em }
        .heat td { text-align: right; border: solid var(--line); border-width: 0 1px 1px 0; padding: .2em .45em; print-color-adjust: exact;
            -webkit-print-color-adjust: exact }
        .heat th { font-weight: 400; font-size: .85em; padding: .2em .45em; border-right: 1px solid var(--line); white-space: nowrap }
            .heat th.l, .heat th.up { white-space: normal } .heat th.l { min-width: 14em }
        .heat th.up { text-align: center } .tall thead th { position: sticky; top: 0; background: var(--back) }
            .tall thead th:first-child { z-index: 1 }
        .row { display: flex; flex-wrap: wrap; gap: 1em } figure { margin: 0; flex: 1 1 430px; min-width: 0; max-width: 580px }
            figure.map { flex: 0 1 auto; max-width: 100% }
        figure svg { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; box-sizing: border-box; display: block }
        .images { display: grid; grid-template-columns: repeat(auto-fill, minmax(216px, 1fr)); gap: 12px }
            .images div { background: var(--card); border-radius: 6px; padding: 8px; font-size: .82em; line-height: 1.35; min-width: 0 }
        .images img { width: calc(33.3% - 3px); image-rendering: pixelated; margin-right: 3px }
        @media (max-width: 600px) { body { margin: 1em auto } h1 { font-size: 1.35em } th, td { padding: .25em .5em }
            td.l, th.l { min-width: 7em } td.l:first-child, th.l:first-child { max-width: 9em }
            .heat th.l { min-width: 8em } figure svg [font-size="9"] { font-size: 10.5px } figure svg [font-size="10"] { font-size: 11px }
            figure svg [font-size="11"] { font-size: 12px } figure svg [font-size="12"] { font-size: 14px }
                figure svg [font-size="14"] { font-size: 16px } }
        @media print { body { max-width: none; font-size: 11px } th, td, th.up, th.up ~ th { padding: .2em .35em }
            figure, .images div, tr { break-inside: avoid }
            .wide { overflow: visible; max-height: none; background: none }
                th:first-child, td:first-child, .tall thead th { position: static } figure { flex-basis: 300px } }
        """;
}
