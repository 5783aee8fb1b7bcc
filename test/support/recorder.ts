/** Asks the API and writes down what was asked and answered, by the outcome rule: ok, fail (promised never to happen), info. */
import type { Delta, Expectation, Operation, Result, Status, Value } from "../../sim/checker/history.ts";
import { type Answer, type Api, type AskOptions, NoAnswer, type ReadMode } from "./api.ts";

export type Recorder = {
  readonly operations: Operation[];
  /** Answers of any other status than those documented, as text; there should be none. */
  readonly strange: string[];
  /** Requests whose connection ended before they were answered. */
  readonly cutOff: string[];
  get(client: string, api: Api, key: string, mode?: ReadMode): Promise<Operation>;
  set(client: string, api: Api, key: string, value: string): Promise<Operation>;
  delete(client: string, api: Api, key: string): Promise<Operation>;
  checkAndSet(client: string, api: Api, key: string, change: Expectation & { readonly newValue: Value }): Promise<Operation>;
  add(client: string, api: Api, key: string, delta: Delta): Promise<Operation>;
};

type Outcome = { readonly status: Status; readonly result: Result | null };
type Details = {
  readonly error: { readonly code: string; readonly version?: number };
  readonly current?: Value;
  readonly version?: number;
};

/** Refused before anything was proposed. */
const refusals = [400, 401, 403, 411, 413, 415, 422, 429, 503];
const documented = [200, 404, 412, 504, 507, ...refusals];

/** @param timeoutMs the server's; a client waits twice as long and takes silence for "unknown" */
export function createRecorder(timeoutMs: number): Recorder {
  const operations: Operation[] = [];
  const strange: string[] = [];
  const cutOff: string[] = [];
  const options: AskOptions = { timeoutMs: 2 * timeoutMs, headers: { "epoxy-timeout-ms": `${timeoutMs}` } };

  async function record<O extends object>(call: O, ask: () => Promise<Answer>, read: (answer: Answer) => Result): Promise<Operation> {
    const startNs = process.hrtime.bigint();
    const { status, result } = await outcomeOf(ask, read, { strange, cutOff });
    const operation = { ...call, status, result, startNs, endNs: process.hrtime.bigint() } as unknown as Operation;
    operations.push(operation);
    return operation;
  }
  return {
    operations,
    strange,
    cutOff,
    get(client, api, key, mode = "linearizable") {
      const op = mode === "linearizable" ? "get" : mode === "local" ? "getLocal" : "getOptimistic";
      const headers = { ...options.headers, accept: "application/json" };
      return record({ client, op, key }, () => api.get(key, mode, { ...options, headers }), readResult);
    },
    set: (client, api, key, value) => record({ client, op: "set", key, args: { value } }, () => api.put(key, value, options), writeResult),
    delete: (client, api, key) =>
      record({ client, op: "delete", key, args: {} }, () => api.ask("DELETE", `/v1/kv/${encodeURIComponent(key)}`, options), writeResult),
    checkAndSet: (client, api, key, change) =>
      record(
        { client, op: "checkAndSet", key, args: change },
        () => api.propose([{ kind: "checkAndSet", key, ...change }], options),
        firstResult,
      ),
    add: (client, api, key, delta) =>
      record(
        { client, op: "add", key, args: { delta } },
        () => api.propose([{ kind: "add", key, delta: `${delta}` }], options),
        firstResult,
      ),
  };
}

async function outcomeOf(
  ask: () => Promise<Answer>,
  read: (answer: Answer) => Result,
  noted: Pick<Recorder, "strange" | "cutOff">,
): Promise<Outcome> {
  try {
    const answer = await ask();
    if (!documented.includes(answer.status)) noted.strange.push(`${answer.status} ${answer.text.slice(0, 300)}`);
    if ([200, 404, 412].includes(answer.status)) return { status: "ok", result: read(answer) };
    return { status: refusals.includes(answer.status) ? "fail" : "info", result: null };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.sent && !error.late) noted.cutOff.push(error.message);
    return { status: error.sent ? "info" : "fail", result: null };
  }
}

function readResult({ status, text }: Answer): Result {
  const body = JSON.parse(text) as Details & { readonly value: Value };
  return status === 404 ? { value: null, version: body.error.version ?? 0 } : { value: body.value, version: body.version ?? 0 };
}

function writeResult({ text }: Answer): Result {
  return { ok: true, version: (JSON.parse(text) as Details).version ?? 0 };
}

function firstResult({ text }: Answer): Result {
  return (JSON.parse(text) as { readonly results: readonly Result[] }).results[0] as Result;
}
