
/* Browser of test images: cards with a small picture and the scores of the chosen rows. */

function imageBrowser() {
  const data = JSON.parse(find("#data").textContent).browser;
  const form = find("#image-filter");
  const sheet = find("#image-sheet");
  const chosenRows = () => data.rows.map((_, k) => k).filter((k) => form.elements[`image-row-${k}`].checked);

  /** How far the ranks that the rows give an image lie apart, 0 to 1. */
  function apart(image, rows) {
    const ranks = rows.map((k) => image.ranks[k]).filter((rank) => rank !== null);
    return ranks.length ? Math.max(...ranks) - Math.min(...ranks) : 0;
  }

  const short = (score) => String(Number(score.toPrecision(3)));

  function line(image, k) {
    const [score, row] = [image.scores[k], data.rows[k]];
    const item = make("li", {}, `${row.name}: `);
    if (score === null) item.append("none");
    else if (row.threshold === null) item.append(make("b", {}, short(score)));
    else {
      const accepted = score <= row.threshold;
      item.append(make("b", {}, short(score)), ` ${accepted ? "≤" : ">"} ${short(row.threshold)}, ${accepted ? "accepted" : "refused"}`);
    }
    return item;
  }

  function card(image, rows) {
    const figure = make("figure", { class: "card" });
    const canvas = make("canvas", {
      width: data.tile * data.columns, height: data.tile, role: "img",
      "aria-label": `${image.category}, ${image.role}, image ${image.id}`,
    });
    canvas.getContext("2d").drawImage(
      sheet, 0, image.at * data.tile, canvas.width, data.tile, 0, 0, canvas.width, data.tile);
    const scores = make("ul");
    scores.append(...rows.map((k) => line(image, k)));
    const caption = make("figcaption");
    caption.append(make("b", {}, image.category), ` (${image.role})`, make("small", {}, image.id), scores);
    figure.append(canvas, caption);
    return figure;
  }

  function show() {
    const rows = chosenRows();
    const by = data.rows.findIndex((row) => row.name === form.elements["images-by"].value);
    const value = (image) => (by < 0 ? apart(image, rows) : image.scores[by] ?? -Infinity);
    const sign = form.elements["images-lowest"].checked ? 1 : -1;
    const category = form.elements["images-of"].value;
    const found = data.images.filter((image) => !category || image.category === category);
    found.sort((a, b) => sign * (value(a) - value(b)));
    find(".cards").replaceChildren(...found.map((image) => card(image, rows)));
    find("#images-count").textContent = `${found.length} images shown`;
  }

  form.addEventListener("change", () => {
    show();
    remember();
  });
  sheet.decode().then(show);
}

if (find("#image-filter")) imageBrowser();
