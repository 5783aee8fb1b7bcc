/** Reads what write.ts wrote, and refuses whatever is not whole: nothing is given out before every byte was checked. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { EpoxyError } from "../../protocol/errors.ts";
import type { Key, KeyState } from "../../protocol/types.ts";
import { keyFromJson, valueFromJson } from "../routes/json.ts";
import { whyUnreadable } from "../unreadable.ts";
import { type End, type EntryLine, FORMAT, type Head } from "./write.ts";

export type Backup = { readonly head: Head; readonly states: ReadonlyMap<Key, KeyState> };

/** @throws EpoxyError badRequest saying what is wrong with the file */
export async function readBackup(file: string): Promise<Backup> {
  const hash = createHash("sha256");
  const states = new Map<Key, KeyState>();
  let head: Head | null = null;
  let end: End["end"] | null = null;
  let entries = 0;
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
      number++;
      if (end !== null) throw damaged(file, `something follows its end, in line ${number}`);
      const parsed = parse(file, line, number);
      if (number === 1) head = headOf(file, parsed as Head);
      else if ("end" in parsed) {
        end = (parsed as End).end;
        continue;
      } else {
        const { key, value, version } = parsed as EntryLine;
        if (!Number.isSafeInteger(version) || version < 0) throw damaged(file, `line ${number} has no version`);
        states.set(keyFromJson(key, `line ${number}`), { value: valueFromJson(value, `line ${number}`), version });
        entries++;
      }
      hash.update(`${line}\n`);
    }
  } catch (error) {
    if (error instanceof EpoxyError) throw error;
    throw new EpoxyError("badRequest", `${file}: ${whyUnreadable(error)}`);
  }
  if (head === null) throw damaged(file, "it is empty");
  if (end === null) throw damaged(file, "its end is missing: it was cut off");
  if (end.entries !== entries || end.sha256 !== hash.digest("hex")) throw damaged(file, "its checksum does not fit");
  return { head, states };
}

function parse(file: string, line: string, number: number): object {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch {
    // said below
  }
  throw damaged(file, `line ${number} is no JSON object`);
}

function headOf(file: string, head: Head): Head {
  if (typeof head.epoxyBackup !== "number") throw new EpoxyError("badRequest", `${file} is no backup of Epoxy`);
  if (head.epoxyBackup !== FORMAT)
    throw new EpoxyError("badRequest", `${file} has format ${head.epoxyBackup}, and this version reads format ${FORMAT}`);
  return head;
}

function damaged(file: string, why: string): EpoxyError {
  return new EpoxyError("badRequest", `${file} is damaged, so nothing of it is used: ${why}`);
}
