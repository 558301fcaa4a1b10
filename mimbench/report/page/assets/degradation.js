
/* Degradation: panels of curves, and the same numbers as a table. */

function degradation() {
  const data = JSON.parse(find("#data").textContent);
  const LEVELS = data.severities.length;
  const shown = new Set();
  const read = new Map();
  const form = find("#degradation form");
  const choice = (name) => form.elements[name].value;
  /** Integers that the page holds as base64 of 16 bits each; the least one says that there is none. */
  function unpacked(text) {
    if (!read.has(text)) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      read.set(text, Array.from(new Int16Array(bytes.buffer), (value) => (value === -32768 ? null : value)));
    }
    return read.get(text);
  }

  /** [value, low, high] in thousandths, or null. Severity 0 is clean, -1 the mean. */
  function cellOf(row, corruption, severity) {
    const metric = choice("metric");
    const group = Number(choice("group"));
    if (severity === 0) {
      if (metric === "auroc_drop") return [0, null, null];
      const clean = unpacked(data.clean[metric][group][row]);
      return clean[0] === null ? null : clean;
    }
    const protocols = data.values[metric];
    const values = protocols && protocols[choice("protocol")];
    if (!values) return null;
    const at = 3 * (corruption * LEVELS + data.severities.indexOf(severity));
    const cell = unpacked(values[group][row]).slice(at, at + 3);
    if (cell[0] !== null) return cell;
    if (corruption === 0) return averaged(every.map((k) => cellOf(row, k, severity)));
    if (severity !== -1) return null;
    return averaged(data.severities.filter((level) => level > 0).map((level) => cellOf(row, corruption, level)));
  }

  /** A mean that the tables do not hold; it has no interval. */
  function averaged(cells) {
    if (!cells.length || cells.includes(null)) return null;
    return [cells.reduce((sum, cell) => sum + cell[0], 0) / cells.length, null, null];
  }

  /** What a panel shows of a row: one corruption, or the mean of several. */
  function cellIn(row, part, severity) {
    if (part.corruptions.length === 1) return cellOf(row, part.corruptions[0], severity);
    if (severity === 0) return cellOf(row, 0, 0);
    return averaged(part.corruptions.map((k) => cellOf(row, k, severity)));
  }

  const every = data.corruptions.map((_, k) => k).filter((k) => k > 0);
  const single = (k) => ({ name: words(data.corruptions[k]), corruptions: [k] });

  /** The panels: the mean first, then families, all corruptions, or those of one family. */
  function parts() {
    const wanted = choice("panels");
    const mean = every.length > 1 ? [{ name: `mean of all ${every.length}`, corruptions: [0] }] : [];
    if (wanted === "all") return [...mean, ...every.map(single)];
    if (wanted === "families") {
      const named = ([name, own]) => ({ name: own.length > 1 ? `${name}: mean of ${own.length}` : words(data.corruptions[own[0]]), corruptions: own, family: own.length > 1 ? name : "" });
      return [...mean, ...data.families.map(named)];
    }
    return data.families.filter(([name]) => name === wanted).flatMap(([, own]) => own.map(single));
  }

  const levels = [0, ...data.severities.filter((level) => level > 0)];
  function range() {
    const ends = [];
    for (const row of shown) {
      for (const part of parts()) {
        for (const level of levels) {
          const cell = cellIn(row, part, level);
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

  function panel(part, [low, high, step]) {
    const inner = BOX.height - BOX.top - BOX.bottom;
    const up = (value) => BOX.top + inner * (1 - (value - low) / (high - low));
    const name = part.name;
    const figure = make("figure", { class: "panel" });
    const caption = make("figcaption", {}, part.family ? "" : name);
    if (part.family) {
      const button = make("button", { type: "button", title: `Show each corruption of ${part.family}` }, name);
      button.addEventListener("click", () => {
        form.elements.panels.value = part.family;
        render();
      });
      caption.append(button);
    }
    figure.append(caption);
    const svg = draw("svg", {
      viewBox: `0 0 ${BOX.width} ${BOX.height}`, tabindex: "0", role: "img",
      "aria-label": `${name}: ${data.metrics[choice("metric")]} by severity. Arrow keys read values.`,
    }, figure);
    frame(svg, [low, high, step], up, choice("metric") === "auroc" ? 500 : 0);
    const guide = draw("line", { class: "guide", y1: BOX.top, y2: BOX.height - BOX.bottom, visibility: "hidden" }, svg);
    for (const row of shown) {
      const points = levels.map((level) => [level, cellIn(row, part, level)]).filter(([, cell]) => cell);
      curve(svg, data.rows[row], points, up);
    }
    listen(svg, guide, part);
    return figure;
  }

  /* Values on hover and by arrow keys. */

  function tell(svg, guide, part, level) {
    const x = across(level);
    guide.setAttribute("x1", x);
    guide.setAttribute("x2", x);
    guide.setAttribute("visibility", "visible");
    svg.dataset.level = level;
    const cells = [...shown].map((row) => [row, cellIn(row, part, level)]).filter(([, cell]) => cell);
    cells.sort((a, b) => b[1][0] - a[1][0]);
    const group = data.groups[Number(choice("group"))];
    const where = level === 0 ? "clean" : `${part.name}, severity ${level}`;
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

  function listen(svg, guide, part) {
    const hide = () => {
      guide.setAttribute("visibility", "hidden");
      tip.hidden = true;
    };
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * BOX.width;
      return levels.reduce((best, level) => (Math.abs(across(level) - x) < Math.abs(across(best) - x) ? level : best));
    };
    svg.addEventListener("pointermove", (event) => tell(svg, guide, part, nearest(event)));
    svg.addEventListener("pointerdown", (event) => tell(svg, guide, part, nearest(event)));
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
      tell(svg, guide, part, levels[next]);
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
    sortable(table);
    const level = severity === -1 ? "mean over severities" : `severity ${severity}`;
    find("#matrix-title").textContent = `Every condition: ${data.metrics[choice("metric")]}, ${level}`;
  }

  /* Controls. */

  function render() {
    const ends = range();
    find(".panels").replaceChildren(...parts().map((part) => panel(part, ends)));
    const even = choice("metric") === "auroc" ? "Higher is better; the line at 0.5 is a coin toss." : "Higher is better.";
    const direction = data.lower_is_better.includes(choice("metric")) ? "Lower is better." : even;
    const group = data.groups[Number(choice("group"))];
    find("#panel-sample").textContent = `${data.metrics[choice("metric")]}, ${group.label}. ${direction} ${sample(group)}.`;
    arrange();
    matrix();
    remember();
  }

  /** The rows of a choice: few, one per detector, all, or those of a family. */
  function rowsOf(wanted) {
    const isIn = (row) => wanted === "all" || (wanted in row ? row[wanted] : wanted === `family:${row.family}`);
    return data.rows.map((row, i) => (isIn(row) ? i : -1)).filter((i) => i >= 0);
  }

  function show(rows) {
    shown.clear();
    rows.forEach((i) => shown.add(i));
  }

  function toggle(row, index) {
    const button = make("button", { type: "button", "--c": row.colour });
    const key = draw("svg", { viewBox: "0 0 30 12", class: "key", "aria-hidden": "true" }, button);
    draw("path", { class: "curve", d: "M1 6H29", stroke: row.colour, "stroke-dasharray": row.dashes || "none" }, key);
    draw("path", { d: SHAPES[row.marker], fill: row.colour, transform: "translate(15 6)" }, key);
    button.append(row.control ? `${row.name} (control)` : row.name);
    button.addEventListener("click", () => {
      if (!shown.delete(index)) shown.add(index);
      render();
      button.focus();
    });
    return button;
  }

  const toggles = data.rows.map(toggle);

  /** Rows that are drawn are the legend; the others wait behind "more rows". */
  function arrange() {
    const [legend, others] = [find("#degradation .toggles"), find("#degradation .others")];
    toggles.forEach((button, i) => {
      button.setAttribute("aria-pressed", String(shown.has(i)));
      (shown.has(i) ? legend : find(".toggles", others)).append(button);
    });
    others.hidden = shown.size === toggles.length;
  }

  for (const level of data.severities) {
    find('[name="severity"]').append(make("option", { value: level }, level === -1 ? "mean" : String(level)));
  }
  choices.shown = {
    get() {
      const usualRows = rowsOf(choice("rows"));
      const same = usualRows.length === shown.size && usualRows.every((i) => shown.has(i));
      return same ? "" : [...shown].map((i) => data.rows[i].name).join(",");
    },
    set(value) {
      const named = value.split(",");
      show(value ? data.rows.map((row, i) => (named.includes(row.name) ? i : -1)).filter((i) => i >= 0) : rowsOf(choice("rows")));
      render();
    },
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "rows") show(rowsOf(event.target.value));
    render();
  });
  find('[name="severity"]').addEventListener("change", () => {
    matrix();
    remember();
  });
  show(rowsOf(choice("rows")));
  render();
}

if (find("#degradation")) degradation();
restore();
