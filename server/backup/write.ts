/**
 * The file of `epoxy backup`: one JSON object a line. A head; an entry for each key as it was found; an entry for each
 * change that was executed meanwhile, so that reading on to the end gives the key space at one point of the execution order;
 * an end with the number of entries and the SHA-256 of every byte before it, without which the file is not whole.
 */
import { createHash } from "node:crypto";
import type { Store } from "../../proposals/ports.ts";
import { EpoxyError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { Key, KeyState } from "../../protocol/types.ts";
import { type JsonBytes, keyToJson, valueToJson } from "../routes/json.ts";

export const FORMAT = 1;
export type Head = {
  readonly epoxyBackup: number;
  readonly cluster: string;
  readonly clusterId: string;
  readonly replica: number;
  readonly epoch: number;
  readonly takenAt: string;
};
/** Of a key that was deleted the value is null: its version goes on counting from there. */
export type EntryLine = { readonly key: JsonBytes; readonly value: JsonBytes | null; readonly version: number };
export type End = { readonly end: { readonly entries: number; readonly sha256: string } };

/** @throws EpoxyError overloaded when changes come and are dropped faster than they are copied */
export async function* backupLines(
  store: Pick<Store, "stateNames" | "read" | "changes" | "lastChange">,
  head: Head,
): AsyncGenerator<string> {
  const hash = createHash("sha256");
  let entries = 0;
  const take = (lines: readonly object[]): string => {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    hash.update(text);
    return text;
  };
  // From before the first page: what is executed while the pages are read is read again as a change.
  let position = await store.lastChange();
  yield take([head]);
  for (let after: string | null = null; ; ) {
    const names: string[] = await store.stateNames({ prefix: "k", after, limit: limits.pageEntriesMax });
    const keys = names.map((name) => name.slice(1) as Key).filter((key) => key !== "");
    const states = await store.read("value", keys);
    const page = keys.flatMap((key, i) => entryOf(key, states[i] ?? null));
    entries += page.length;
    if (page.length > 0) yield take(page);
    if (names.length < limits.pageEntriesMax) break;
    after = names.at(-1) as string;
  }
  for (;;) {
    const page = await store.changes(position, limits.pageEntriesMax);
    if (page === null)
      throw new EpoxyError(
        "overloaded",
        "so many changes came meanwhile that some of them are not kept any more: try again when less is written",
      );
    const lines = page.changes.flatMap(({ change }) =>
      change.writes.flatMap((write) => (write.kind === "value" && write.id !== "" ? entryOf(write.id as Key, write.record) : [])),
    );
    entries += lines.length;
    if (lines.length > 0) yield take(lines);
    position = page.changes.at(-1)?.position ?? position;
    if (page.changes.length < limits.pageEntriesMax) break;
  }
  yield `${JSON.stringify({ end: { entries, sha256: hash.digest("hex") } } satisfies End)}\n`;
}

function entryOf(key: Key, state: KeyState | null): EntryLine[] {
  return state === null ? [] : [{ key: keyToJson(key), value: valueToJson(state.value), version: state.version }];
}
