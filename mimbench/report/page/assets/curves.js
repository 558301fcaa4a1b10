
/* How a panel of curves is drawn; numbers are thousandths. */

const words = (name) => name.replaceAll("_", " ");
const round = (thousandths) => {
  const text = (Math.round(thousandths / 10) / 100).toFixed(2); // half up, as the payload expects
  return text === "-0.00" ? "0.00" : text;
};
const interval = (cell) => (cell[1] === null ? "" : ` [${round(cell[1])}, ${round(cell[2])}]`);

const SHAPES = {
  o: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z", s: "M-3-3h6v6h-6Z", D: "M0-4l4 4l-4 4l-4-4Z",
  "^": "M0-4l4 7h-8Z", v: "M0 4l4-7h-8Z", P: "M-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3Z",
  X: "M-4-2l2-2l2 2l2-2l2 2l-2 2l2 2l-2 2l-2-2l-2 2l-2-2l2-2Z",
};
const BOX = { width: 240, height: 184, left: 34, right: 8, top: 8, bottom: 38 };
const across = (level) => BOX.left + (BOX.width - BOX.left - BOX.right) * (level / 5);

/** Lines, ticks and labels of a panel; `even` is the value of a coin toss. */
function frame(svg, [low, high, step], up, even) {
  for (let tick = low; tick <= high; tick += step) {
    draw("line", { class: "grid", x1: BOX.left, x2: BOX.width - BOX.right, y1: up(tick), y2: up(tick) }, svg);
    draw("text", { class: "tick", x: BOX.left - 5, y: up(tick) + 3.5, "text-anchor": "end" }, svg, (tick / 1000).toFixed(1));
  }
  for (let level = 0; level <= 5; level += 1) {
    draw("text", { class: "tick", x: across(level), y: BOX.height - 22, "text-anchor": "middle" }, svg, level || "clean");
  }
  draw("text", { class: "tick", x: across(2.5), y: BOX.height - 6, "text-anchor": "middle" }, svg, "severity");
  if (even >= low) draw("line", { class: "even", x1: BOX.left, x2: BOX.width - BOX.right, y1: up(even), y2: up(even) }, svg);
}

/** One row in one panel: a band where there are intervals, a line, a mark at each severity. */
function curve(svg, style, points, up) {
  if (!points.length) return;
  const banded = points.filter(([, cell]) => cell[1] !== null);
  if (banded.length > 1) {
    const edge = (end) => banded.map(([level, cell]) => `${across(level).toFixed(1)} ${up(cell[end]).toFixed(1)}`);
    draw("path", {
      d: `M${[...edge(2), ...edge(1).reverse()].join("L")}Z`, fill: style.colour,
      opacity: style.control ? 0.07 : 0.15,
    }, svg);
  }
  const path = points.map(([level, cell]) => `${across(level).toFixed(1)} ${up(cell[0]).toFixed(1)}`);
  draw("path", { class: "curve", d: `M${path.join("L")}`, stroke: style.colour, "stroke-dasharray": style.dashes || "none" }, svg);
  for (const [level, cell] of points) {
    draw("path", { d: SHAPES[style.marker], fill: style.colour, transform: `translate(${across(level).toFixed(1)} ${up(cell[0]).toFixed(1)})` }, svg);
  }
}
