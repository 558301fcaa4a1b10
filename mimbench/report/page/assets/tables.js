
/* Every table sorts by a click on a heading. */

const NUMBER = /^[+−-]?[\d,]*\.?\d+/;
const headings = (table) => (table.tHead ? [...table.tHead.rows].at(-1).cells : []);

/** What a cell sorts by: a number, a text, or null where there is nothing. */
function sortValue(row, column) {
  const cell = row.cells[column];
  if (!cell || cell.colSpan > 1 || row.classList.contains("failed")) return null;
  const text = (cell.dataset.v ?? cell.textContent).trim();
  if (["", "–", "n/a", "?"].includes(text)) return null;
  const number = text.match(NUMBER);
  return number ? Number(number[0].replace("−", "-").replaceAll(",", "")) : text;
}

function sortBy(header, ascending) {
  const table = header.closest("table");
  const column = header.cellIndex;
  all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
    const texts = rows.some((row) => typeof sortValue(row, column) === "string");
    const compare = (a, b) => {
      const [x, y] = [sortValue(a, column), sortValue(b, column)];
      if (x === null || y === null) return (x === null) - (y === null);
      const order = texts ? String(x).localeCompare(String(y)) : x - y;
      return ascending ? order : -order;
    };
    body.append(...rows.sort(compare));
  }
}

/** Which way a first click sorts: names from A, numbers from the highest, unless said otherwise. */
function startsUp(header) {
  if ("ascending" in header.dataset) return true;
  const rows = [...header.closest("table").tBodies].flatMap((body) => [...body.rows]);
  return rows.some((row) => typeof sortValue(row, header.cellIndex) === "string");
}

function sortable(table) {
  for (const header of headings(table)) {
    if (header.tagName !== "TH") continue;
    const button = make("button", { type: "button" });
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const before = header.getAttribute("aria-sort");
      sortBy(header, before ? before === "descending" : startsUp(header));
      remember();
    });
  }
}

all("main table").forEach(sortable);

/* Leaderboard: which rows and columns it shows. */

const board = find(".board");
const boardRows = all("tbody tr", board);
const boardForm = find("#board-filter");
const ticked = (name) => !boardForm.elements[name] || boardForm.elements[name].checked;

function filterBoard() {
  const family = boardForm.elements.family.value;
  for (const row of boardRows) {
    const is = (name) => row.classList.contains(name);
    row.hidden = !is("failed") && Boolean(
      (family && row.dataset.family !== family) ||
      (!ticked("further") && is("further")));
  }
  const few = !ticked("controls") && !family; // controls that lead no column, on the whole page
  document.documentElement.classList.toggle("few", few);
  all(".spares button").forEach((button) => {
    button.textContent = few ? "show all controls" : "show the best controls alone";
  });
  for (const box of all("input[data-columns]", boardForm)) {
    all(`[data-part="${box.dataset.columns}"]`, board).forEach((cell) => {
      cell.hidden = !box.checked;
    });
  }
  for (const head of all("thead [data-spans]", board)) {
    const own = [...headings(board)].filter((cell) => (cell.dataset.part || "").startsWith(head.dataset.spans));
    const count = own.filter((cell) => !cell.hidden).length;
    head.colSpan = Math.max(count, 1);
    head.hidden = count === 0;
  }
  const shown = boardRows.filter((row) => !row.hidden && !row.classList.contains("failed")
    && !(few && row.classList.contains("spare")));
  find("#board-count").textContent = `${shown.length} rows shown`;
}

choices.sort = {
  get() {
    const header = find("thead [aria-sort]", board);
    const first = find("thead [data-first]", board);
    if (!header || (header === first && header.getAttribute("aria-sort") === "descending")) return "";
    return `${header.cellIndex}${header.getAttribute("aria-sort") === "ascending" ? "-up" : ""}`;
  },
  set(value) {
    if (value === this.get()) return;
    const header = value ? headings(board)[parseInt(value, 10)] : find("thead [data-first]", board);
    if (header) sortBy(header, value.endsWith("-up"));
  },
};

all(".spares button").forEach((button) => button.addEventListener("click", () => {
  boardForm.elements.controls.click();
}));
boardForm.addEventListener("change", () => {
  filterBoard();
  remember();
});
filterBoard();
