"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, attributes = {}, text = "") => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      // the page's policy allows no style attribute
      if (key.startsWith("--")) element.style.setProperty(key, value);
      else element.setAttribute(key, value);
    }
    element.textContent = text;
    return element;
  };
  const draw = (name, attributes, parent, text = "") => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    parent.append(element);
    return element;
  };

  /* A table that goes on to the right fades there. */

  const fade = () => all(".scroll").forEach((box) => {
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  });
  const sizes = new ResizeObserver(fade);
  all(".scroll, .scroll > *").forEach((element) => sizes.observe(element));
  all(".scroll").forEach((box) => box.addEventListener("scroll", fade));

  /* What stands behind a number: on hover by the browser itself, on a tap or click in the tip. */

  const tip = make("div", { class: "tip", role: "status", hidden: "" });
  document.body.append(tip);

  /** Show the tip beside a point of the window, on whichever side it fits. */
  function placeTip(x, y) {
    tip.hidden = false;
    const overflow = x + 14 + tip.offsetWidth > document.documentElement.clientWidth - 8;
    const left = overflow ? x - 14 - tip.offsetWidth : x + 14;
    tip.style.left = `${Math.max(4, left) + window.scrollX}px`;
    tip.style.top = `${y + window.scrollY}px`;
  }

  document.addEventListener("click", (event) => {
    const cell = event.target.closest("td[title]");
    if (cell) {
      const box = cell.getBoundingClientRect();
      tip.replaceChildren(cell.title);
      placeTip((box.left + box.right) / 2, box.bottom);
    } else if (!event.target.closest(".panel")) tip.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tip.hidden = true;
  });

  /* On paper nothing can be unfolded. */

  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details.prints:not([open])");
    folded.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((details) => { details.open = false; });
  });

  /* Leaderboard: sort by a column, filter rows and columns. */

  const board = find(".board");
  const boardRows = all("tbody tr", board);

  function sortBy(button) {
    const header = button.closest("th");
    const before = header.getAttribute("aria-sort");
    const ascending = before ? before === "descending" : "ascending" in header.dataset;
    all("thead th", board).forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const column = Number(header.dataset.column);
    const value = (row) => {
      const cell = row.cells[column];
      return cell && cell.dataset.v !== undefined ? cell.dataset.v : null;
    };
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      const order = column === 0 ? x.localeCompare(y) : Number(x) - Number(y);
      return ascending ? order : -order;
    };
    find("tbody", board).append(...[...boardRows].sort(compare));
  }

  function filterBoard() {
    const form = find("#board-filter");
    const family = form.elements.family.value;
    const further = form.elements.further ? form.elements.further.checked : true;
    for (const row of boardRows) {
      const failed = row.classList.contains("failed");
      const hidden = (family && row.dataset.family !== family) ||
        (!further && row.classList.contains("further"));
      row.hidden = hidden && !failed;
    }
    for (const box of all("input[data-columns]", form)) {
      all(`[data-part="${box.dataset.columns}"]`, board).forEach((cell) => {
        cell.hidden = !box.checked;
      });
    }
    const columns = (part) => all(`thead [data-column][data-part^="${part}"]`, board)
      .filter((cell) => !cell.hidden).length;
    for (const head of all("thead [data-spans]", board)) {
      const count = columns(head.dataset.spans);
      head.colSpan = Math.max(count, 1);
      head.hidden = count === 0;
    }
    const shown = boardRows.filter((row) => !row.hidden && !row.classList.contains("failed"));
    find("#board-count").textContent = `${shown.length} rows shown`;
  }

  all("thead button", board).forEach((button) => {
    button.addEventListener("click", () => sortBy(button));
  });
  all(".scripted").forEach((element) => { element.hidden = false; });
  all(".unscripted").forEach((element) => { element.hidden = true; });
  find("#board-filter").addEventListener("change", filterBoard);
  filterBoard();

  /* Degradation: one panel per corruption, and the same numbers as a table. */

  const source = find("#data");
  if (!source || !find("#degradation")) return;
  const data = JSON.parse(source.textContent);
  const LEVELS = data.severities.length;
  const shown = new Set(data.rows.map((row, i) => (row.first ? i : -1)).filter((i) => i >= 0));
  const form = find("#degradation form");
  const choice = (name) => form.elements[name].value;
  const words = (name) => name.replaceAll("_", " ");
  const round = (thousandths) => {
    const text = (Math.round(thousandths / 10) / 100).toFixed(2); // half up, as the payload expects
    return text === "-0.00" ? "0.00" : text;
  };
  const interval = (cell) => (cell[1] === null ? "" : ` [${round(cell[1])}, ${round(cell[2])}]`);

  /** [value, low, high] in thousandths, or null. Severity 0 is clean, -1 the mean. */
  function cellOf(row, corruption, severity) {
    const metric = choice("metric");
    const group = Number(choice("group"));
    if (severity === 0) {
      if (metric === "auroc_drop") return [0, null, null];
      const clean = data.clean[metric][group][row];
      return clean[0] === null ? null : clean;
    }
    const protocols = data.values[metric];
    const values = protocols && protocols[choice("protocol")];
    if (!values) return null;
    const at = 3 * (corruption * LEVELS + data.severities.indexOf(severity));
    const cell = values[group][row].slice(at, at + 3);
    return cell[0] === null ? averaged(row, corruption, severity) : cell;
  }

  /** Means that the tables do not hold: over corruptions at one severity, or over severities. */
  function averaged(row, corruption, severity) {
    const cells = [];
    if (corruption === 0) {
      for (let k = 1; k < data.corruptions.length; k += 1) cells.push(cellOf(row, k, severity));
    } else if (severity === -1) {
      for (const level of data.severities) if (level > 0) cells.push(cellOf(row, corruption, level));
    }
    if (!cells.length || cells.includes(null)) return null;
    return [cells.reduce((sum, cell) => sum + cell[0], 0) / cells.length, null, null];
  }

  const SHAPES = {
    o: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z", s: "M-3-3h6v6h-6Z", D: "M0-4l4 4l-4 4l-4-4Z",
    "^": "M0-4l4 7h-8Z", v: "M0 4l4-7h-8Z", P: "M-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3Z",
    X: "M-4-2l2-2l2 2l2-2l2 2l-2 2l2 2l-2 2l-2-2l-2 2l-2-2l2-2Z",
  };
  const BOX = { width: 240, height: 184, left: 34, right: 8, top: 8, bottom: 38 };
  const levels = [0, ...data.severities.filter((level) => level > 0)];
  const across = (level) => BOX.left + (BOX.width - BOX.left - BOX.right) * (level / 5);

  function range() {
    const ends = [];
    for (const row of shown) {
      for (let k = 0; k < data.corruptions.length; k += 1) {
        for (const level of levels) {
          const cell = cellOf(row, k, level);
          if (cell) ends.push(...cell.filter((end) => end !== null));
        }
      }
    }
    const metric = choice("metric");
    const usual = { auroc: [400, 1000], auroc_drop: [-100, 300] }[metric] || [0, 1000];
    const low = Math.min(usual[0], ...ends);
    const high = Math.max(usual[1], ...ends);
    const step = high - low > 700 ? 200 : 100;
    return [Math.floor(low / step) * step, Math.ceil(high / step) * step, step];
  }

  function panel(corruption, [low, high, step]) {
    const inner = BOX.height - BOX.top - BOX.bottom;
    const up = (value) => BOX.top + inner * (1 - (value - low) / (high - low));
    const name = corruption === 0 ? "mean of all" : words(data.corruptions[corruption]);
    const figure = make("figure", { class: "panel" });
    figure.append(make("figcaption", {}, name));
    const svg = draw("svg", {
      viewBox: `0 0 ${BOX.width} ${BOX.height}`, tabindex: "0", role: "img",
      "aria-label": `${name}: ${data.metrics[choice("metric")]} by severity. Arrow keys read values.`,
    }, figure);
    for (let tick = low; tick <= high; tick += step) {
      draw("line", { class: "grid", x1: BOX.left, x2: BOX.width - BOX.right, y1: up(tick), y2: up(tick) }, svg);
      draw("text", { class: "tick", x: BOX.left - 5, y: up(tick) + 3.5, "text-anchor": "end" }, svg, (tick / 1000).toFixed(1));
    }
    for (let level = 0; level <= 5; level += 1) {
      draw("text", { class: "tick", x: across(level), y: BOX.height - 22, "text-anchor": "middle" }, svg, level || "clean");
    }
    draw("text", { class: "tick", x: across(2.5), y: BOX.height - 6, "text-anchor": "middle" }, svg, "severity");
    const even = choice("metric") === "auroc" ? 500 : 0;
    if (even >= low) draw("line", { class: "even", x1: BOX.left, x2: BOX.width - BOX.right, y1: up(even), y2: up(even) }, svg);
    const guide = draw("line", { class: "guide", y1: BOX.top, y2: BOX.height - BOX.bottom, visibility: "hidden" }, svg);
    for (const row of shown) curve(svg, row, corruption, up);
    listen(svg, guide, corruption, name);
    return figure;
  }

  function curve(svg, row, corruption, up) {
    const style = data.rows[row];
    const points = levels.map((level) => [level, cellOf(row, corruption, level)]).filter(([, cell]) => cell);
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

  /* Values on hover and by arrow keys. */

  function tell(svg, guide, corruption, name, level) {
    const x = across(level);
    guide.setAttribute("x1", x);
    guide.setAttribute("x2", x);
    guide.setAttribute("visibility", "visible");
    svg.dataset.level = level;
    const cells = [...shown].map((row) => [row, cellOf(row, corruption, level)]).filter(([, cell]) => cell);
    cells.sort((a, b) => b[1][0] - a[1][0]);
    const group = data.groups[Number(choice("group"))];
    const where = level === 0 ? "clean" : `${name}, severity ${level}`;
    tip.replaceChildren(make("b", {}, where));
    for (const [row, cell] of cells) {
      const line = make("div");
      line.append(make("span", { class: "chip", "--c": data.rows[row].colour }));
      line.append(`${data.rows[row].name} `, make("b", {}, round(cell[0])), interval(cell));
      tip.append(line);
    }
    tip.append(make("small", {}, sample(group)));
    const box = svg.getBoundingClientRect();
    placeTip(box.left + (x / BOX.width) * box.width, box.top + 8);
  }

  function listen(svg, guide, corruption, name) {
    const hide = () => {
      guide.setAttribute("visibility", "hidden");
      tip.hidden = true;
    };
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * BOX.width;
      return levels.reduce((best, level) => (Math.abs(across(level) - x) < Math.abs(across(best) - x) ? level : best));
    };
    svg.addEventListener("pointermove", (event) => tell(svg, guide, corruption, name, nearest(event)));
    svg.addEventListener("pointerdown", (event) => tell(svg, guide, corruption, name, nearest(event)));
    svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") hide(); // a finger leaves as it is lifted
    });
    svg.addEventListener("blur", hide);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      const before = levels.indexOf(Number(svg.dataset.level ?? -1));
      const next = Math.min(Math.max(before + step, 0), levels.length - 1);
      tell(svg, guide, corruption, name, levels[next]);
    });
  }

  const sample = (group) =>
    `${group.n_target} target images of ${group.n_target_patients} patients, ` +
    `${group.n_other} other images of ${group.n_other_patients} patients`;

  /* The matrix: conditions by scores. */

  function shade(cell) {
    const metric = choice("metric");
    const value = cell[0] / 1000;
    const strength = metric === "auroc" ? Math.abs(value - 0.5) * 2 : Math.abs(value);
    const good = metric === "auroc" ? value >= 0.5 : value < 0;
    return { class: `cell ${good ? "above" : "below"}`, "--s": `${Math.round(Math.min(strength, 1) * 100)}%` };
  }

  function matrix() {
    const table = find("#matrix");
    const severity = Number(find('[name="severity"]').value);
    const head = make("tr");
    head.append(make("th", { scope: "col" }, "condition"));
    for (const row of shown) {
      const name = make("th", { scope: "col" });
      data.rows[row].name.split(/(?<=[/_])/).forEach((part) => name.append(part, make("wbr")));
      if (data.rows[row].control) name.append(" ", make("span", { class: "badge" }, "control"));
      head.append(name);
    }
    const thead = make("thead");
    thead.append(head);
    const body = make("tbody");
    const lines = [["clean", 0, 0], ["mean of all", 0, severity]];
    data.corruptions.forEach((name, k) => k && lines.push([words(name), k, severity]));
    for (const [name, corruption, level] of lines) {
      const line = make("tr");
      line.append(make("th", { scope: "row" }, name));
      for (const row of shown) {
        const cell = cellOf(row, corruption, level);
        const title = cell ? `${data.rows[row].name}, ${name}: ${round(cell[0])}${interval(cell)}; ${sample(data.groups[Number(choice("group"))])}` : "";
        line.append(cell ? make("td", { ...shade(cell), title }, round(cell[0])) : make("td", { class: "none" }, "n/a"));
      }
      body.append(line);
    }
    table.replaceChildren(thead, body);
    const level = severity === -1 ? "mean over severities" : `severity ${severity}`;
    find("#matrix-title").textContent = `Every condition: ${data.metrics[choice("metric")]}, ${level}`;
  }

  /* Controls. */

  function render() {
    const ends = range();
    find(".panels").replaceChildren(...data.corruptions.map((_, k) => panel(k, ends)).filter((_, k) => k || data.corruptions.length > 2));
    const even = choice("metric") === "auroc" ? "Higher is better; the line at 0.5 is a coin toss." : "Higher is better.";
    const direction = data.lower_is_better.includes(choice("metric")) ? "Lower is better." : even;
    const group = data.groups[Number(choice("group"))];
    find("#panel-sample").textContent = `${data.metrics[choice("metric")]}, ${group.label}. ${direction} ${sample(group)}.`;
    matrix();
  }

  /** Show what the choice of scores says: one per detector, all, or those of a family. */
  function chooseRows(wanted) {
    shown.clear();
    data.rows.forEach((row, i) => {
      if (wanted === "all" || (wanted === "first" ? row.first : wanted === `family:${row.family}`)) shown.add(i);
    });
    all(".toggles button").forEach((button, i) => button.setAttribute("aria-pressed", String(shown.has(i))));
  }

  function toggle(row, index) {
    const button = make("button", { type: "button", "aria-pressed": String(shown.has(index)), "--c": row.colour });
    const key = draw("svg", { viewBox: "0 0 30 12", class: "key", "aria-hidden": "true" }, button);
    draw("path", { class: "curve", d: "M1 6H29", stroke: row.colour, "stroke-dasharray": row.dashes || "none" }, key);
    draw("path", { d: SHAPES[row.marker], fill: row.colour, transform: "translate(15 6)" }, key);
    button.append(row.control ? `${row.name} (control)` : row.name);
    button.addEventListener("click", () => {
      if (!shown.delete(index)) shown.add(index);
      button.setAttribute("aria-pressed", String(shown.has(index)));
      render();
    });
    return button;
  }

  find(".toggles").append(...data.rows.map(toggle));
  for (const level of data.severities) {
    find('[name="severity"]').append(make("option", { value: level }, level === -1 ? "mean" : String(level)));
  }
  form.addEventListener("change", (event) => {
    if (event.target.name === "rows") chooseRows(event.target.value);
    render();
  });
  find('[name="severity"]').addEventListener("change", matrix);
  all("#degradation form").forEach((each) => each.addEventListener("submit", (event) => event.preventDefault()));
  render();
})();
