// The model, checked before it is used, and the rule that makes an answer of its numbers.

import * as ort from "./ort.wasm.min.mjs";
import { squareOfFile } from "./picture.js";

// Why the page must not answer; `word` names the sentence that says so.
export class Refusal extends Error {
  constructor(word) {
    super(word);
    this.word = word;
  }
}

async function bytes(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Refusal("missing_file");
  return response.arrayBuffer();
}

async function digest(content) {
  if (!globalThis.crypto?.subtle) throw new Refusal("needs_https");
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Judge {
  static async load(about) {
    const content = await bytes("model.onnx");
    if ((await digest(content)) !== about.model.sha256) throw new Refusal("changed_model");
    ort.env.wasm.numThreads = 1; // more need headers that static hosts do not send
    ort.env.wasm.proxy = false;
    ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;
    ort.env.logLevel = "error";
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
    return new Judge(about, await ort.InferenceSession.create(content, options));
  }

  constructor(about, session) {
    this.about = about;
    this.session = session;
  }

  // What the model says of RGB bytes (3, C, C): its outputs by name, as arrays.
  async outputs(pixels) {
    const size = this.about.size;
    const picture = new ort.Tensor("uint8", pixels, [1, 3, size, size]);
    const results = await this.session.run({ picture });
    return Object.fromEntries(
      Object.entries(results).map(([name, one]) => [name.replace(/^row_/, ""), one.data]),
    );
  }

  // "like", "unlike", or "none" with the reasons.
  answer(found) {
    const { guard, disagreement } = this.about.rule;
    const [level, sharpness] = found.seen;
    const accepted = found.accepted[0];
    const reasons = [
      ["dark", level < guard.darkest],
      ["bright", level > guard.brightest],
      ["blurred", sharpness < guard.blurriest],
      ["unlike", found.guard[0] > guard.most],
      ["disagree", Math.min(accepted, 1 - accepted) > disagreement],
    ];
    const given = reasons.filter(([, holds]) => holds).map(([name]) => name);
    if (given.length) return { answer: "none", reasons: given };
    return { answer: accepted >= 0.5 ? "like" : "unlike", reasons: [] };
  }

  // Scores bundled pictures whose scores are known; a difference stops the page.
  async test() {
    const { pictures, unit, tolerance } = this.about.selftest;
    for (const { file, scores } of pictures) {
      const { size, either } = this.about;
      const square = await squareOfFile(new Blob([await bytes(file)]), size, either);
      const found = await this.outputs(square);
      const apart = scores.map((score, k) => {
        const far = Math.abs(score - this.about.thresholds[k]);
        return Math.abs(found.scores[k] - score) / Math.max(unit[k], far);
      });
      if (!apart.every((one) => one <= tolerance)) throw new Refusal("failed_test");
    }
  }
}
