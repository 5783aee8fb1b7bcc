/** Bytes bent by chance that a seed repeats. */
export type Random = (below: number) => number;

/** Mulberry32: whole numbers from 0 to below `below`. */
export function randomOf(start: number): Random {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** 2^31, 2^32, 2^53-1, 2^53, 2^63, 2^64-1, eleven bytes, and 1 in two bytes. */
const HUGE = [
  "8080808008",
  "8080808010",
  "ffffffffffffff0f",
  "8080808080808010",
  "80808080808080808001",
  "ffffffffffffffffff01",
  "ffffffffffffffffffff01",
  "8100",
];

/** Bits flipped, bytes changed, cut off, put in, taken out, huge lengths. May give the same bytes again. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random(bytes.length + 1);
  const head = bytes.subarray(0, at);
  const noise = Uint8Array.from({ length: 1 + random(12) }, () => random(256));
  switch (random(8)) {
    case 0:
    case 1: {
      const flipped = Uint8Array.from(bytes);
      for (let i = random(3); i >= 0; i--) flipped[random(bytes.length)] = (flipped[random(bytes.length)] ?? 0) ^ (1 << random(8));
      return flipped;
    }
    case 2: {
      const changed = Uint8Array.from(bytes);
      changed[random(bytes.length)] = random(256);
      return changed;
    }
    case 3:
      return head;
    case 4:
      return Buffer.concat([head, noise, bytes.subarray(at)]);
    case 5:
      return Buffer.concat([head, bytes.subarray(Math.min(bytes.length, at + 1 + random(4)))]);
    case 6:
      return Buffer.concat([head, Buffer.from(HUGE[random(HUGE.length)] ?? "", "hex"), bytes.subarray(Math.min(bytes.length, at + 1))]);
    default:
      return random(4) === 0 ? noise : Buffer.concat([head, bytes.subarray(random(bytes.length))]);
  }
}
