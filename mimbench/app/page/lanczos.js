// Pillow's Lanczos filter on 8-bit channels, the same integers in the same order.
// Source: Pillow, src/libImaging/Resample.c.

const SUPPORT = 3;
const BITS = 22;
const HALF = 1 << (BITS - 1);

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const filter = (x) => (x >= -SUPPORT && x < SUPPORT ? sinc(x) * sinc(x / SUPPORT) : 0);
const clip = (sum) => Math.min(Math.max(sum >> BITS, 0), 255);

// For each of `count` places: the first pixel of `size` that counts, and the weights from it on.
// The part of the side that is resized lies from `from` to `to`.
function weights(size, from, to, count) {
  const scale = (to - from) / count;
  const wide = Math.max(scale, 1);
  const reach = SUPPORT * wide;
  const places = [];
  for (let place = 0; place < count; place += 1) {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), size);
    const exact = [];
    let sum = 0;
    for (let x = first; x < end; x += 1) {
      const weight = filter((x + 0.5 - centre) / wide);
      exact.push(weight);
      sum += weight;
    }
    const whole = exact.map((weight) => {
      const scaled = (weight / (sum || 1)) * (1 << BITS);
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    places.push({ first, end, whole: Int32Array.from(whole) });
  }
  return places;
}

// One filtered place: `whole` weights on bytes of three channels from `at` on, `step` apart.
function filtered(bytes, at, step, whole, into, to) {
  let [r, g, b] = [HALF, HALF, HALF];
  for (let k = 0; k < whole.length; k += 1, at += step) {
    r += bytes[at] * whole[k];
    g += bytes[at + 1] * whole[k];
    b += bytes[at + 2] * whole[k];
  }
  into[to] = clip(r);
  into[to + 1] = clip(g);
  into[to + 2] = clip(b);
}

// Across first: every row of the picture that counts becomes `size` places wide.
function acrossFirst(across, down, size, part, most) {
  const [x0, x1] = [across[0].first, across[size - 1].end];
  const [y0, y1] = [down[0].first, down[size - 1].end];
  const narrow = new Uint8Array(3 * (y1 - y0) * size);
  const step = Math.max(1, Math.floor(most / (x1 - x0)));
  for (let y = y0; y < y1; y += step) {
    const end = Math.min(y + step, y1);
    const bytes = part(x0, x1, y, end);
    for (let row = y; row < end; row += 1) {
      across.forEach(({ first, whole }, place) => {
        const at = 4 * ((row - y) * (x1 - x0) + first - x0);
        filtered(bytes, at, 4, whole, narrow, 3 * ((row - y0) * size + place));
      });
    }
  }
  const square = new Uint8Array(3 * size * size);
  down.forEach(({ first, whole }, row) => {
    for (let place = 0; place < size; place += 1) {
      const at = 3 * ((first - y0) * size + place);
      filtered(narrow, at, 3 * size, whole, square, 3 * (row * size + place));
    }
  });
  return square;
}

// Down first: every column of the picture that counts becomes `size` places high.
function downFirst(across, down, size, part, most) {
  const [x0, x1] = [across[0].first, across[size - 1].end];
  const [y0, y1] = [down[0].first, down[size - 1].end];
  const low = new Uint8Array(3 * (x1 - x0) * size);
  const step = Math.max(1, Math.floor(most / (y1 - y0)));
  for (let x = x0; x < x1; x += step) {
    const end = Math.min(x + step, x1);
    const bytes = part(x, end, y0, y1);
    down.forEach(({ first, whole }, row) => {
      for (let column = x; column < end; column += 1) {
        const at = 4 * ((first - y0) * (end - x) + column - x);
        filtered(bytes, at, 4 * (end - x), whole, low, 3 * (row * (x1 - x0) + column - x0));
      }
    });
  }
  const square = new Uint8Array(3 * size * size);
  for (let row = 0; row < size; row += 1) {
    across.forEach(({ first, whole }, place) => {
      const at = 3 * (row * (x1 - x0) + first - x0);
      filtered(low, at, 3, whole, square, 3 * (row * size + place));
    });
  }
  return square;
}

// Resizes the middle square of a picture of `width` × `height` to `size` × `size`.
// `part(left, right, top, bottom)` gives RGBA bytes of a part; parts have at most `most` pixels, so
// that a large photo is never in memory as bytes at once. `either`: take the direction first that
// newer releases of Pillow take first, else always across.
// Returns RGB bytes, one channel after the other.
export function middleSquare(width, height, size, part, either, most = 1 << 22) {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  const across = weights(width, left, left + side, size);
  const down = weights(height, top, top + side, size);
  const high = either && height - size > 2 * Math.max(0, width - size);
  const mixed = (high ? downFirst : acrossFirst)(across, down, size, part, most);
  const count = size * size;
  const square = new Uint8Array(3 * count);
  for (let k = 0; k < count; k += 1) {
    for (let c = 0; c < 3; c += 1) square[c * count + k] = mixed[3 * k + c];
  }
  return square;
}
