/** Commands as the scripts write them: `set k 1`, `add c 5`, `get k`, `delete k`, `cas k if 1 then 2`, `cas k if v3 then 2`. */
import type { Bytes, Command, Expectation, Key, SimpleCommand } from "../../protocol/types.ts";
import { ScriptError } from "./script-error.ts";

/** Several are separated by commas; `txn` makes one of all that follow, `check k 1` or `check k v3` among them. */
export function parseCommands(text: string): readonly Command[] {
  const isTxn = text.startsWith("txn ");
  const parts = (isTxn ? text.slice(4) : text).split(",").map((part) => part.trim());
  if (!isTxn) return parts.map(parseSimple);
  const checks = parts.flatMap((part) => {
    const found = /^check (\S+) (\S+)$/.exec(part);
    return found === null ? [] : [{ key: found[1] as Key, expect: expectation(found[2] as string) }];
  });
  return [{ kind: "txn", checks, commands: parts.filter((part) => !part.startsWith("check ")).map(parseSimple) }];
}

function parseSimple(text: string): SimpleCommand {
  const words = text.split(/\s+/);
  const [kind, name, third] = words as [string, string, string];
  const key = name as Key;
  if (kind === "set" && words.length === 3) return { kind, key, value: bytes(third) };
  if (kind === "add" && /^-?\d+$/.test(third)) return { kind, key, delta: BigInt(third) };
  if ((kind === "get" || kind === "delete") && words.length === 2) return { kind, key };
  if (kind === "cas" && third === "if" && words[4] === "then" && words.length === 6)
    return { kind: "checkAndSet", key, expect: expectation(words[3] as string), newValue: bytes(words[5] as string) };
  throw new ScriptError(`not a command: "${text}" (set k 1; add c 5; get k; delete k; cas k if 1 then 2; cas k if v3 then 2)`);
}

function expectation(text: string): Expectation {
  const version = /^v(\d+)$/.exec(text);
  return version === null
    ? { kind: "oneOf", values: [text === "absent" ? null : bytes(text)] }
    : { kind: "version", version: Number(version[1]) };
}

function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}
