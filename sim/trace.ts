/** What happened, as one number that two runs of a seed must share, and, when asked for, as lines to read. */
import { instanceName } from "../protocol/ids.ts";
import type { InstanceId } from "../protocol/types.ts";

export type TraceLine = { readonly atMs: number; readonly ids: readonly InstanceId[]; readonly text: string };
export type Trace = {
  /** Mixes an event into the hash. */
  mix(what: string, ...numbers: readonly number[]): void;
  /** `tell` is called only where lines are kept. No ids: of interest whatever is asked about. */
  line(ids: readonly InstanceId[], tell: () => string): void;
  hash(): string;
  /** The last lines about any of these instances, oldest first; about everything when none is given. */
  about(ids: readonly InstanceId[], limit: number): readonly string[];
};

export function createTrace({ nowMs, keepsLines }: { readonly nowMs: () => number; readonly keepsLines: boolean }): Trace {
  const lines: TraceLine[] = [];
  const float = new Float64Array(1);
  const words = new Int32Array(float.buffer);
  let [low, high] = [0x811c9dc5, 0x01234567];

  const mixWord = (word: number) => {
    low = Math.imul(low ^ word, 0x01000193);
    high = Math.imul(high ^ ((word << 13) | (word >>> 19)), 0x5bd1e995) ^ (low >>> 7);
  };
  const mixNumber = (number: number) => {
    float[0] = number;
    mixWord(words[0] as number);
    mixWord(words[1] as number);
  };
  return {
    mix(what, ...numbers) {
      mixNumber(nowMs());
      for (let i = 0; i < what.length; i++) mixWord(what.charCodeAt(i));
      for (const number of numbers) mixNumber(number);
    },
    line(ids, tell) {
      if (keepsLines) lines.push({ atMs: nowMs(), ids, text: tell() });
    },
    hash: () => (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0"),
    about(ids, limit) {
      const wanted = new Set(ids);
      const found = lines.filter((line) => wanted.size === 0 || line.ids.some((id) => wanted.has(id)) || line.ids.length === 0);
      return found.slice(-limit).map(({ atMs, text }) => `${(atMs / 1000).toFixed(4).padStart(9)}  ${text}`);
    },
  };
}

/** A value in one line, instances as R.SLOT, bytes as text. */
export function short(value: unknown): string {
  const text = JSON.stringify(value, (key, inner) => {
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString("latin1").slice(0, 24);
    if (typeof inner === "bigint") return `${inner}`;
    if (typeof inner === "number" && inner >= 2 ** 40 && (key === "id" || key === "instance" || /^\d+$/.test(key)))
      return instanceName(inner as InstanceId);
    return inner;
  });
  return text === undefined ? "" : text.replaceAll('"', "").slice(0, 600);
}
