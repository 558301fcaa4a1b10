// Sorts a table by the column whose heading was clicked: numbers from the highest down first, text
// from a to z first; a second click turns it round. Empty cells stay below.
document.addEventListener("click", (event) => {
  const button = event.target.closest("table[data-sortable] thead button");
  if (!button) return;
  const heading = button.closest("th");
  const body = heading.closest("table").tBodies[0];
  const column = [...heading.parentNode.children].indexOf(heading);
  const key = (row) => {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    return cell.textContent.trim() || null;
  };
  const rows = [...body.rows].map((row) => [key(row), row]);
  const first = rows.some(([value]) => typeof value === "number") ? "descending" : "ascending";
  const second = first === "ascending" ? "descending" : "ascending";
  const now = heading.getAttribute("aria-sort") === first ? second : first;
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", now);
  const sign = now === "ascending" ? 1 : -1;
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  });
  body.append(...rows.map(([, row]) => row));
});
