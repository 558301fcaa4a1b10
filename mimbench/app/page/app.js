// The page: a photo in, one of three answers out. No photo is kept or sent.

import { Judge } from "./judge.js";
import { errorMap, reduced, show, squareOf, squareOfFile } from "./picture.js";

const at = (id) => document.getElementById(id);
const state = { words: {}, about: null, judge: null, last: null, word: "loading", busy: false };

// No line begins with a mark that French sets after a space, or with a per cent sign.
const bound = (sentence) =>
  sentence.replace(/ (?=[?:;!»%…])/g, "\u00a0").replace(/« /g, "«\u00a0");
const text = (name, values = {}) =>
  bound((state.words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? ""));
const decimal = (value, digits = 2) =>
  value.toLocaleString(state.words.code, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
const percent = (value) => `${decimal(100 * value, 0)}\u00a0%`;
const interval = ({ value, low, high }, form) =>
  low === null || high === null
    ? form(value)
    : text("interval", { value: form(value), low: form(low), high: form(high) });

const others = ({ role, relation }) => text("others", {
  role: text(`others_${role}`),
  relation: text(relation.replace("-", "_")),
});

async function json(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.json();
}

function say(word, kind = "") {
  state.word = word;
  const status = at("status");
  status.dataset.state = kind;
  status.textContent = word ? text(word) : "";
}

// Everything that is written in the chosen language.
function write() {
  document.documentElement.lang = state.words.code;
  document.title = text("title", state.about.facts);
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = text(element.dataset.word, state.about.facts);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
  const { facts } = state.about;
  at("fitted").textContent = text(facts.drawn ? "fitted_drawn" : "fitted", facts);
  const standing = facts.standing === "above" ? "" : text(`standing_${facts.standing}`, facts);
  at("standing").textContent = standing;
  at("standing").hidden = !standing;
  writeFacts(facts);
  at("version").textContent = text("version", {
    row: facts.row,
    mimbench: state.about.versions.mimbench,
    digest: state.about.model.sha256.slice(0, 12),
  });
  if (state.word) at("status").textContent = text(state.word);
  if (state.last) writeAnswer(state.last);
}

function writeFacts(facts) {
  const unknown = text("unknown");
  const lines = [
    ["fact_fitted_on", text(facts.drawn ? "fitted_on_drawn" : "fitted_on", facts)],
    ["fact_tones", facts.tones || unknown],
    ["fact_licence", facts.licence || unknown],
    ["fact_others", facts.others ? others(facts.others) : text("not_measured")],
    ["fact_auroc", facts.auroc ? interval(facts.auroc, decimal) : unknown],
    ["fact_control", facts.control_auroc === null
      ? text("not_measured")
      : text("control", { control: facts.control, auroc: decimal(facts.control_auroc) })],
    ["fact_sensitivity", facts.sensitivity ? interval(facts.sensitivity, percent) : unknown],
    ["fact_specificity", facts.specificity ? interval(facts.specificity, percent) : unknown],
    ["fact_corrupted", facts.corrupted ? interval(facts.corrupted, decimal) : text("not_measured")],
    ["fact_promise", text("promise", { promise: percent(facts.promise), patients: facts.patients })],
    ["fact_silent", text(facts.silent_test === null ? "silent_untested" : "silent", {
      target: facts.target,
      validation: percent(facts.silent_target),
      test: percent(facts.silent_test),
      abnormal: percent(facts.caught_abnormal),
    })],
  ];
  at("facts").replaceChildren(...lines.flatMap(([name, value]) => {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = text(name);
    description.textContent = value;
    return [term, description];
  }));
}

function writeAnswer({ answer, reasons, mean, accepted }) {
  at("answer").textContent = text(`answer_${answer}`, state.about.facts);
  at("reason").textContent = answer === "none"
    ? reasons.map((reason) => text(`reason_${reason}`)).join(" ")
    : text(`explained_${answer}`, state.about.facts);
  // where the guard gives no answer, what the models say means nothing
  at("numbers").hidden = answer === "none" && !reasons.includes("disagree");
  const fits = state.about.thresholds.length;
  at("numbers").textContent = text("numbers", {
    mean: decimal(mean, 4),
    accepted: Math.round(accepted * fits),
    fits,
  });
}

// Judges RGB bytes of the square and shows what was found.
async function judge(square) {
  const size = state.about.size;
  const found = await state.judge.outputs(square);
  state.last = {
    ...state.judge.answer(found),
    mean: found.mean[0],
    accepted: found.accepted[0],
  };
  show(at("square"), square, size);
  const drawn = found.inpainted !== undefined;
  for (const figure of document.querySelectorAll(".drawn")) figure.hidden = !drawn;
  if (drawn) {
    const side = Math.sqrt(found.inpainted.length / 3);
    const seen = reduced(square, size, side);
    show(at("inpainted"), found.inpainted, side);
    show(at("error"), errorMap(seen, found.inpainted, side), side);
  }
  writeAnswer(state.last);
  at("result").hidden = false;
  at("result").focus({ preventScroll: true });
  at("result").scrollIntoView({ block: "start" }); // the answer first, where all does not fit
}

// Runs one picture from `square()` to its answer; a second one waits for nobody.
async function answerFor(square) {
  if (state.busy) return;
  state.busy = true;
  at("result").hidden = true;
  say("working");
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  try {
    await judge(await square());
    say("");
  } catch (problem) {
    say(problem.word ?? "failed", "problem");
  } finally {
    state.busy = false;
  }
}

function stopCamera() {
  const stream = at("video").srcObject;
  for (const track of stream?.getTracks() ?? []) track.stop();
  at("video").srcObject = null;
  if (at("viewfinder").open) at("viewfinder").close();
}

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return say("no_camera", "problem");
  const wanted = { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1920 } };
  try {
    at("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
  } catch (problem) {
    return say(problem.name === "NotAllowedError" ? "denied_camera" : "no_camera", "problem");
  }
  say("");
  at("viewfinder").showModal();
  await at("video").play();
  return undefined;
}

function take() {
  const video = at("video");
  if (!video.videoWidth) return;
  let square;
  try {
    square = squareOf(
      video, video.videoWidth, video.videoHeight, state.about.size, state.about.either,
    );
  } finally {
    stopCamera();
  }
  answerFor(() => square);
}

// The next version is fetched while this one works on; it takes over when the user says so.
async function keepOffline() {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register("sw.js");
  const offer = (worker) => {
    if (!worker || !navigator.serviceWorker.controller) return;
    at("update").hidden = false;
    at("reload").onclick = () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
      worker.postMessage("replace");
    };
  };
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => {
      if (worker.state === "installed") offer(worker);
    });
  });
}

async function speak(code) {
  state.words = await json(`words/${code}.json`);
  write();
}

async function start() {
  state.about = await json("app.json");
  const chosen = at("language");
  for (const { code, name } of state.about.languages) chosen.add(new Option(name, code));
  chosen.value = state.about.language;
  chosen.addEventListener("change", () => speak(chosen.value));
  await speak(state.about.language);
  keepOffline().catch(() => {}); // without it the page needs a network, and nothing else
  try {
    state.judge = await Judge.load(state.about);
    say("testing");
    await state.judge.test();
  } catch (refusal) {
    say(refusal.word ?? "failed_start", "stopped");
    return;
  }
  for (const id of ["camera", "gallery"]) at(id).disabled = false;
  at("gallery").addEventListener("click", () => at("file").click());
  at("file").addEventListener("change", () => {
    const [file] = at("file").files;
    if (file) answerFor(() => squareOfFile(file, state.about.size, state.about.either));
    at("file").value = "";
  });
  at("camera").addEventListener("click", openCamera);
  at("take").addEventListener("click", take);
  at("cancel").addEventListener("click", stopCamera);
  at("viewfinder").addEventListener("close", stopCamera);
  say("ready");
}

start().catch(() => {
  at("status").textContent = "This page could not be loaded completely. Reload it.";
  at("status").dataset.state = "stopped";
});
