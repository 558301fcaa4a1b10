// From a photo to the square that the detector sees, as mimbench reads files.

import { middleSquare } from "./lanczos.js";

export const SMALLEST = 16; // pixels of the short side, as in mimbench
const MOST = 250e6; // pixels

// What is wrong with a picture; `word` names the sentence that says so.
export class PictureProblem extends Error {
  constructor(word) {
    super(word);
    this.word = word;
  }
}

// EXIF orientation of a WebP file, which not every browser heeds; of other files they all do: 1.
async function webpOrientation(blob) {
  const start = new TextDecoder("latin1").decode(await blob.slice(0, 16).arrayBuffer());
  if (!/^RIFF....WEBP..../s.test(start)) return null;
  const bytes = new DataView(await blob.arrayBuffer());
  const word = (at) => String.fromCharCode(...[0, 1, 2, 3].map((k) => bytes.getUint8(at + k)));
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const length = bytes.getUint32(at + 4, true);
    if (word(at) === "EXIF") {
      const tiff = at + 8 + (word(at + 8) === "Exif" ? 6 : 0);
      const little = bytes.getUint16(tiff) === 0x4949;
      const first = tiff + bytes.getUint32(tiff + 4, little);
      for (let k = 0; k < bytes.getUint16(first, little); k += 1) {
        const entry = first + 2 + 12 * k;
        if (bytes.getUint16(entry, little) === 0x0112) return bytes.getUint16(entry + 8, little);
      }
    }
    at += 8 + length + (length % 2);
  }
  return 1;
}

// Decodes a file: without its colour profile, upright but for the orientation that it returns.
async function decoded(blob) {
  let orientation = null;
  try {
    orientation = await webpOrientation(blob);
  } catch {
    orientation = 1; // metadata that cannot be read are left out, as in mimbench
  }
  try {
    const bitmap = await createImageBitmap(blob, {
      // by default browsers turn it; older ones refuse the name of that default
      ...(orientation === null ? {} : { imageOrientation: "none" }),
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
    return [bitmap, orientation ?? 1];
  } catch {
    throw new PictureProblem("unreadable");
  }
}

// How a picture of `width` × `height` pixels is turned upright: a matrix of a canvas.
const TURNS = {
  2: (width) => [-1, 0, 0, 1, width, 0],
  3: (width, height) => [-1, 0, 0, -1, width, height],
  4: (width, height) => [1, 0, 0, -1, 0, height],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (width, height) => [0, 1, -1, 0, height, 0],
  7: (width, height) => [0, -1, -1, 0, height, width],
  8: (width) => [0, -1, 1, 0, 0, width],
};

// Anything that can be drawn and has a width and a height: RGB bytes, one channel after the other.
export function squareOf(source, width, height, size, either, orientation = 1) {
  if (Math.min(width, height) < SMALLEST) throw new PictureProblem("too_small");
  if (width * height > MOST) throw new PictureProblem("too_large");
  const turn = TURNS[orientation]?.(width, height) ?? [1, 0, 0, 1, 0, 0];
  const upright = orientation >= 5 && orientation <= 8 ? [height, width] : [width, height];
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new PictureProblem("unreadable");
  const part = (left, right, top, bottom) => {
    canvas.width = right - left;
    canvas.height = bottom - top;
    context.imageSmoothingEnabled = false;
    context.fillStyle = "white"; // transparency is laid on white
    context.fillRect(0, 0, canvas.width, canvas.height);
    const [a, b, c, d, e, f] = turn;
    context.setTransform(a, b, c, d, e - left, f - top);
    context.drawImage(source, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };
  try {
    return middleSquare(...upright, size, part, either);
  } finally {
    canvas.width = 0; // some browsers keep the memory of canvases that are out of use
    canvas.height = 0;
  }
}

export async function squareOfFile(blob, size, either) {
  const [bitmap, orientation] = await decoded(blob);
  try {
    return squareOf(bitmap, bitmap.width, bitmap.height, size, either, orientation);
  } finally {
    bitmap.close();
  }
}

// Shows RGB bytes, one channel after the other, on a canvas.
export function show(canvas, pixels, size) {
  canvas.width = size;
  canvas.height = size;
  const context = canvas.getContext("2d");
  const shown = context.createImageData(size, size);
  const count = size * size;
  for (let k = 0; k < count; k += 1) {
    for (let c = 0; c < 3; c += 1) shown.data[4 * k + c] = pixels[c * count + k];
    shown.data[4 * k + 3] = 255;
  }
  context.putImageData(shown, 0, 0);
}

// Reduces a square by averaging, to lay it beside an inpainted picture of another size.
export function reduced(pixels, from, to) {
  if (from === to) return pixels;
  const small = new Uint8Array(3 * to * to);
  for (let c = 0; c < 3; c += 1) {
    for (let y = 0; y < to; y += 1) {
      for (let x = 0; x < to; x += 1) {
        const [x0, y0] = [Math.floor((x * from) / to), Math.floor((y * from) / to)];
        const x1 = Math.max(x0 + 1, Math.floor(((x + 1) * from) / to));
        const y1 = Math.max(y0 + 1, Math.floor(((y + 1) * from) / to));
        let sum = 0;
        for (let v = y0; v < y1; v += 1) {
          for (let u = x0; u < x1; u += 1) sum += pixels[(c * from + v) * from + u];
        }
        small[(c * to + y) * to + x] = Math.round(sum / ((x1 - x0) * (y1 - y0)));
      }
    }
  }
  return small;
}

// Mean absolute difference over the channels, black (0) to white (64 levels or more).
export function errorMap(pixels, others, size) {
  const count = size * size;
  const map = new Uint8Array(3 * count);
  for (let k = 0; k < count; k += 1) {
    let sum = 0;
    for (let c = 0; c < 3; c += 1) sum += Math.abs(pixels[c * count + k] - others[c * count + k]);
    const level = Math.min(255, Math.round((4 * sum) / 3));
    for (let c = 0; c < 3; c += 1) map[c * count + k] = level;
  }
  return map;
}
