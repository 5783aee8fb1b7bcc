/**
 * Histories as text, one JSON object a line: client, op, key, args, result, status, start_ns, end_ns, as lincheck reads
 * and writes it. get, set, delete and check_and_set on values are common to both; ours has add, txn, proposal and
 * conditions on versions too, with args and results as in the public API. Times are written as strings, since
 * nanoseconds do not fit a JSON number.
 */
import { HistoryError, type Operation, type Result, type Value } from "./history.ts";

type Line = Readonly<Record<string, unknown>>;

const names: Readonly<Record<string, Operation["op"]>> = {
  check_and_set: "checkAndSet",
  cas: "checkAndSet",
  get_local: "getLocal",
  get_weak: "getLocal",
  get_optimistic: "getOptimistic",
};
const own: readonly Operation["op"][] = ["get", "getLocal", "getOptimistic", "set", "delete", "checkAndSet", "add", "txn", "proposal"];
/** Marks a JSON value that is no string, so that the number 1 and the text "1" are two values. */
const NO_TEXT = "\0json:";

/** @throws HistoryError with the number of the line */
export function readHistory(text: string): Operation[] {
  return text.split("\n").flatMap((raw, i) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return [];
    try {
      return [readOperation(JSON.parse(line) as Line)];
    } catch (error) {
      throw new HistoryError(`line ${i + 1}: ${(error as Error).message}`);
    }
  });
}

export function writeHistory(operations: readonly Operation[]): string {
  return operations.map((operation) => `${JSON.stringify(writeOperation(operation))}\n`).join("");
}

function readOperation(line: Line): Operation {
  const status = line["status"] ?? line["type"] ?? line["outcome"];
  if (status !== "ok" && status !== "happened" && status !== "fail" && status !== "info")
    throw new Error(`status must be ok, happened, fail or info, not ${JSON.stringify(status)}`);
  const named = String(line["op"]);
  const op = names[named] ?? own.find((each) => each === named);
  if (op === undefined) throw new Error(`unknown op ${JSON.stringify(named)}`);
  const many = op === "txn" || op === "proposal";
  if (!many && typeof line["key"] !== "string") throw new Error("key must be a string");
  const startNs = readTime(line["start_ns"]);
  if (startNs === null) throw new Error("start_ns is missing");
  return {
    client: line["client"] as string | number,
    op,
    ...(many ? {} : { key: line["key"] }),
    args: many ? readDeep((line["args"] ?? {}) as Line) : readArgs(op, named, (line["args"] ?? {}) as Line),
    result: readResult(op, line["result"]),
    status,
    startNs,
    endNs: readTime(line["end_ns"]),
  } as unknown as Operation;
}

function readArgs(op: Operation["op"], named: string, args: Line): object {
  const written = () => readValue(args["value"] ?? args["newValue"] ?? args["new_value"] ?? args["new"]);
  if (op === "set") return { value: written() };
  if (op === "add") return { delta: args["delta"] };
  if (op !== "checkAndSet") return {};
  const version = args["expectVersion"] ?? args["expect_version"];
  if (version !== undefined) return { expectVersion: version, newValue: written() };
  if (named === "cas") return { expectOneOf: [readValue(args["expect"] ?? args["expected"] ?? args["old"])], newValue: written() };
  const values = args["expectOneOf"] ?? args["expect_one_of"] ?? args["expect"];
  if (!Array.isArray(values)) throw new Error(`${named} needs args.expect_one_of, a list`);
  return { expectOneOf: values.map(readValue), newValue: written() };
}

/** An object, or a bare value of a get, or a bare boolean of a condition. */
function readResult(op: Operation["op"], result: unknown): Result | null {
  if (result === undefined || (result === null && !op.startsWith("get"))) return null;
  if (typeof result === "boolean" && !op.startsWith("get")) return { ok: result };
  if (typeof result !== "object" || result === null) return { value: readValue(result) };
  const { applied, success, swapped, current_value: currentValue, prev, deleted, ...rest } = result as Line;
  const ok = rest["ok"] ?? applied ?? success ?? swapped;
  const failed = op === "checkAndSet" && ok === false;
  const current = "current" in rest ? rest["current"] : (currentValue ?? (failed ? rest["value"] : undefined));
  const previous = "previous" in rest ? rest["previous"] : prev;
  const existed = rest["existed"] ?? deleted;
  return readDeep({
    ...rest,
    ...(ok === undefined ? {} : { ok }),
    ...(failed && current !== undefined ? { current } : {}),
    ...(previous === undefined ? {} : { previous }),
    ...(existed === undefined ? {} : { existed }),
  }) as Result;
}

const valueFields = new Set(["value", "newValue", "current", "previous", "expectOneOf"]);

/** Values wherever they stand in the API's own shapes. */
function readDeep(shape: Line): object {
  const fields = Object.entries(shape).map(([field, content]) => {
    if (valueFields.has(field)) return [field, Array.isArray(content) ? content.map(readValue) : readValue(content)];
    return [field, Array.isArray(content) ? content.map((each) => readDeep(each as Line)) : content];
  });
  return Object.fromEntries(fields) as object;
}

function readValue(value: unknown): Value {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : `${NO_TEXT}${JSON.stringify(value)}`;
}

function readTime(time: unknown): bigint | null {
  if (time === undefined || time === null || time === "") return null;
  if (typeof time === "string" || typeof time === "number" || typeof time === "bigint") return BigInt(time);
  throw new Error(`${JSON.stringify(time)} is no time in nanoseconds`);
}

function writeOperation(operation: Operation): object {
  const { client, op, status, result, startNs, endNs } = operation;
  const lincheckNames: Partial<Record<Operation["op"], string>> = {
    checkAndSet: "check_and_set",
    getLocal: "get_local",
    getOptimistic: "get_optimistic",
  };
  return {
    client,
    op: lincheckNames[op] ?? op,
    ...("key" in operation ? { key: operation.key } : {}),
    args: writeDeep(op === "checkAndSet" ? lincheckArgs(operation.args) : (operation.args ?? {})),
    ...(result === undefined || result === null || status !== "ok" ? {} : { result: writeDeep(result) }),
    status,
    start_ns: `${startNs}`,
    ...(endNs === undefined || endNs === null || status === "info" ? {} : { end_ns: `${endNs}` }),
  };
}

function lincheckArgs(args: object): object {
  const renamed: Readonly<Record<string, string>> = {
    expectOneOf: "expect_one_of",
    newValue: "new_value",
    expectVersion: "expect_version",
  };
  return Object.fromEntries(Object.entries(args).map(([field, content]) => [renamed[field] ?? field, content]));
}

function writeDeep(content: unknown): unknown {
  if (typeof content === "bigint") return `${content}`;
  if (typeof content === "string" && content.startsWith(NO_TEXT)) return JSON.parse(content.slice(NO_TEXT.length));
  if (Array.isArray(content)) return content.map(writeDeep);
  if (typeof content !== "object" || content === null) return content;
  return Object.fromEntries(Object.entries(content).map(([field, each]) => [field, writeDeep(each)]));
}
