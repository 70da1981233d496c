// What does not read well in a page, a line each: text or pictures beyond the window or beyond their box, boxes of the scrolling kind that do not scroll, text of too little contrast.
(() => {
    const problems = [], slack = 1;
    const name = e => e.tagName.toLowerCase() + (e.getAttribute("class") ? "." + e.getAttribute("class") : "") + " '" + e.textContent.trim().slice(0, 40) + "'";
    const isVisible = e => e.getClientRects().length > 0;

    const root = document.documentElement;
    if (root.scrollWidth > innerWidth)
        problems.push(`the page is ${root.scrollWidth} wide`);

    for (const e of document.body.querySelectorAll("*")) {
        if (!isVisible(e) || e.closest("defs"))
            continue;
        const box = e.getBoundingClientRect(), scroller = e.parentElement.closest(".wide");
        if (scroller === null && (box.right > innerWidth + slack || box.left < -slack))
            problems.push(`${name(e)} reaches from ${box.left} to ${box.right}`);
        if (e.matches(".wide")) {
            const style = getComputedStyle(e);
            if (e.scrollWidth > e.clientWidth + slack && (style.overflowX !== "auto" || style.backgroundImage === "none"))
                problems.push(`${name(e)} hides what is wider than it`);
        } else if (e.ownerSVGElement) {
            const picture = e.ownerSVGElement.getBoundingClientRect();
            if (e.tagName === "text" && (box.right > picture.right + slack || box.left < picture.left - slack || box.bottom > picture.bottom + slack || box.top < picture.top - slack))
                problems.push(`${name(e)} leaves its picture`);
            const clip = e.closest("[clip-path]"), frame = clip && document.getElementById(clip.getAttribute("clip-path").slice(5, -1)).firstElementChild;
            if (e.tagName === "text" && frame && box.right > picture.left + (frame.x.baseVal.value + frame.width.baseVal.value) * picture.width / e.ownerSVGElement.viewBox.baseVal.width + slack)
                problems.push(`${name(e)} is cut off`);
        } else if (e.clientWidth > 0 && !e.querySelector(".wide") && (e.scrollWidth > e.clientWidth + slack)) {
            problems.push(`${name(e)} is ${e.clientWidth} wide, what is in it ${e.scrollWidth}`);
        }
        if (e.matches("th span") && e.scrollHeight > e.clientHeight + slack)
            problems.push(`${name(e)} is ${e.clientHeight} high, what is in it ${e.scrollHeight}`);
        const cell = e.closest("th, td");
        if (cell !== null && cell !== e) {
            const around = cell.getBoundingClientRect();
            if (box.top < around.top - slack || box.bottom > around.bottom + slack || box.left < around.left - slack || box.right > around.right + slack)
                problems.push(`${name(e)} leaves its cell`);
        }
    }

    // Texts of one picture must not run into each other.
    for (const svg of document.querySelectorAll("svg")) {
        const texts = [...svg.querySelectorAll("text")].map(t => [t, t.getBoundingClientRect()]);
        texts.forEach(([t, a], i) => texts.slice(i + 1).forEach(([u, b]) => {
            if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.25 * a.height)
                problems.push(`${name(t)} runs into ${name(u)}`);
        }));
    }

    // Contrast as WCAG 2.1 defines it.
    const parse = colour => { const v = colour.match(/[\d.]+/g).map(Number); return { rgb: v.slice(0, 3), alpha: v.length > 3 ? v[3] : 1 }; };
    const over = (top, below) => top.rgb.map((v, i) => v * top.alpha + below[i] * (1 - top.alpha));
    const light = rgb => rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = e => e === null ? [255, 255, 255] : over(parse(getComputedStyle(e).backgroundColor), ground(e.parentElement));
    for (const e of document.body.querySelectorAll("*")) {
        if (!isVisible(e) || ![...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim().length > 0))
            continue;
        const svg = e.ownerSVGElement, below = svg ? parse(getComputedStyle(svg.querySelector("rect")).fill).rgb : ground(e);
        const text = over(parse(svg ? getComputedStyle(e).fill : getComputedStyle(e).color), below);
        const [dark, bright] = [light(text), light(below)].sort((a, b) => a - b), contrast = (bright + 0.05) / (dark + 0.05);
        if (contrast < 4.5)
            problems.push(`${name(e)} has a contrast of ${contrast.toFixed(2)}`);
    }
    return problems;
})()
