"use strict";

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

all(".scripted").forEach((element) => { element.hidden = false; });
all(".unscripted").forEach((element) => { element.hidden = true; });
all("form").forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));

/* What is chosen stands in the address, `#section?name=value`, so that a link shows the same. */

const choices = {}; // by name, what no field of a form holds: functions `get` and `set`
const isBox = (field) => field.type === "checkbox";
const valueOf = (field) => (isBox(field) ? String(field.checked) : field.value);
const usual = (field) => {
  if (isBox(field)) return String(field.defaultChecked);
  const option = [...field.options].find((one) => one.defaultSelected) || field.options[0];
  return option ? option.value : "";
};
const place = () => location.hash.slice(1).split("?")[0];

let restored = false;

function remember() {
  if (!restored) return; // the address still says what is to be shown
  const chosen = new URLSearchParams();
  for (const field of all("form [name]")) {
    if (valueOf(field) !== usual(field)) chosen.set(field.name, valueOf(field));
  }
  for (const [name, own] of Object.entries(choices)) if (own.get()) chosen.set(name, own.get());
  const query = String(chosen);
  if (query || location.hash) history.replaceState(null, "", `#${place()}${query && `?${query}`}`);
}

/** Unfold the section that the address names, and all that it lies in. */
function unfold() {
  const target = place() && document.getElementById(place());
  if (!target) return;
  const part = find("details.part", target);
  if (part) part.open = true;
  for (let e = target.closest("details"); e; e = e.parentElement.closest("details")) e.open = true;
  target.scrollIntoView();
}

function restore() {
  restored = true;
  const chosen = new URLSearchParams(location.hash.split("?")[1] || "");
  for (const field of all("form [name]")) {
    const value = chosen.has(field.name) ? chosen.get(field.name) : usual(field);
    if (value === valueOf(field)) continue;
    if (isBox(field)) field.checked = value === "true";
    else if ([...field.options].some((option) => option.value === value)) field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  for (const [name, own] of Object.entries(choices)) own.set(chosen.get(name) || "");
  unfold();
}

window.addEventListener("hashchange", () => {
  if (location.hash.includes("?")) restore();
  else {
    unfold();
    remember();
  }
});
