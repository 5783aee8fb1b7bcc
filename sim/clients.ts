/** Callers at every datacenter: few keys, some of them hot, every kind of command, retries of what is not known elsewhere. */
import { EpoxyError } from "../protocol/errors.ts";
import type { Bytes, Command, Key, SimpleCommand } from "../protocol/types.ts";
import type { Ask, Operation } from "./history.ts";
import type { Dice } from "./random.ts";
import { type Process, running, type Site } from "./site.ts";
import { short } from "./trace.ts";
import { pause, violate, type World, within } from "./world.ts";

export type Workload = {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  /** Mean of a client's rest between two operations. */
  readonly restMs: number;
  /** Of operations: with an idempotency key. */
  readonly idempotent: number;
  readonly timeoutMs: number;
};

export type ClientDeps = {
  readonly world: World;
  readonly sites: () => readonly Site[];
  readonly workload: Workload;
  readonly history: Operation[];
};

export type Clients = {
  /** All that was to be asked was asked and has an end. */
  isDone(): boolean;
  /** Nothing more is begun. */
  stop(): void;
  /** One more operation, outside the workload. */
  ask(client: number, site: Site, ask: Ask): Promise<Operation | null>;
};

const LEAST_REST_MS = 0.001;

export function startClients(deps: ClientDeps): Clients {
  const { world, workload, history } = deps;
  const dice = world.dice.fork("clients");
  let begun = 0;
  let requests = 0;
  let refused = 0;
  let asking = 0;

  /** null when no process takes it: then nothing was asked. */
  async function ask(client: number, site: Site, wish: Ask): Promise<Operation | null> {
    const servers = running(site);
    if (servers.length === 0) return null;
    const operation: Operation = {
      number: history.length,
      client,
      site: site.number,
      ask: wish,
      startMs: world.schedule.nowMs(),
      endMs: null,
      heard: { kind: "unknown" },
    };
    history.push(operation);
    world.trace.line([], () => `client ${client} asks ${site.number}: #${operation.number} ${short(wish)}`);
    await call(deps, dice.pick(servers), operation);
    world.trace.mix(operation.heard.kind, client, operation.number);
    world.trace.line([], () => `client ${client} hears #${operation.number}: ${short(operation.heard)}`);
    return operation;
  }

  async function live(client: number): Promise<void> {
    const throws = dice.fork(`client ${client}`);
    while (begun < workload.operations && world.violation === null) {
      begun++;
      asking++;
      const number = ++requests;
      const home = throws.chance(0.8) ? deps.sites()[client % deps.sites().length] : throws.pick(deps.sites());
      const wish = drawAsk(throws, workload, number);
      let operation = home === undefined ? null : await ask(client, home, wish);
      // The same request somewhere else has the first one's results; a read may always be asked again.
      for (
        let tries = 0;
        tries < 3 && operation?.heard.kind !== "done" && wish.kind === "propose" && wish.idempotencyKey !== null;
        tries++
      ) {
        world.cover.count("idempotency key", "asked again");
        await pause(world, throws.next() * 500);
        operation = await ask(client, throws.pick(deps.sites()), wish);
      }
      // Refused at once where nothing works just now: that is asked again, within reason, or the faults would not last.
      const isRefused = operation === null || operation.heard.kind === "refused";
      if (isRefused && refused++ < 2 * workload.operations) begun--;
      asking--;
      await pause(world, LEAST_REST_MS + throws.next() * 2 * workload.restMs + (isRefused ? 100 + throws.next() * 400 : 0));
    }
  }
  for (let client = 0; client < workload.clients; client++) void live(client);
  const stop = () => {
    begun = Number.POSITIVE_INFINITY;
  };
  return { isDone: () => begun >= workload.operations && asking === 0, stop, ask };
}

async function call({ world, workload }: ClientDeps, process: Process, operation: Operation): Promise<void> {
  const { ask } = operation;
  const { replica } = process;
  const { timeoutMs } = workload;
  try {
    if (ask.kind === "read") {
      const state = await within(world, timeoutMs * 1.5, replica.read(ask.key, "linearizable", timeoutMs));
      if (state !== null) operation.heard = { kind: "read", state };
    } else {
      const { commands, idempotencyKey } = ask;
      const answer = await within(world, timeoutMs * 1.5, replica.propose({ commands, idempotencyKey, timeoutMs }));
      if (answer !== null) operation.heard = { kind: "done", outcome: answer.outcome };
    }
  } catch (error) {
    if (!(error instanceof EpoxyError)) violate(world, "crash", `a caller got ${error instanceof Error ? error.stack : error}`);
    else if (error.status === 503 || error.status === 429 || error.status === 507) operation.heard = { kind: "refused", code: error.code };
    else if (error.code !== "outcomeUnknown") violate(world, "crash", `a caller got ${error.code}: ${error.message}`);
  }
  // What ended with no word from a process that died has no end.
  if (operation.heard.kind !== "unknown") operation.endMs = world.schedule.nowMs();
}

export function keyOf(number: number): Key {
  return `k${number}` as Key;
}

/** Counters and plain values are kept apart, but for an add now and then to what is none. */
function drawAsk(dice: Dice, workload: Workload, number: number): Ask {
  if (dice.chance(0.22)) return { kind: "read", key: drawKey(dice, workload, dice.chance(0.3)) };
  const count = dice.chance(0.12) ? dice.between(2, 4) : 1;
  const commands = Array.from({ length: count }, (_, i) => drawCommand(dice, workload, `${number}.${i}`));
  return { kind: "propose", commands, idempotencyKey: dice.chance(workload.idempotent) ? `i${number}` : null };
}

/** One key of five takes most of it. */
function drawKey(dice: Dice, { keys }: Workload, counter: boolean): Key {
  const hot = Math.max(1, Math.floor(keys / 5));
  const number = dice.chance(0.7) ? dice.between(1, hot) : dice.between(1, keys);
  return counter ? (`c${number}` as Key) : keyOf(number);
}

function drawCommand(dice: Dice, workload: Workload, value: string): Command {
  if (!dice.chance(0.12)) return drawSimple(dice, workload, value);
  const commands = Array.from({ length: dice.between(1, 3) }, (_, i) => drawSimple(dice, workload, `${value}.${i}`));
  const checks = Array.from({ length: dice.between(0, 2) }, () => ({ key: drawKey(dice, workload, false), expect: drawExpectation(dice) }));
  return { kind: "txn", checks, commands };
}

function drawSimple(dice: Dice, workload: Workload, value: string): SimpleCommand {
  const key = drawKey(dice, workload, false);
  const kind = dice.weighted({ set: 30, checkAndSet: 25, delete: 8, add: 22, get: 15 });
  switch (kind) {
    case "set":
      return { kind, key, value: bytes(value) };
    case "checkAndSet":
      return { kind, key, expect: drawExpectation(dice), newValue: dice.chance(0.1) ? null : bytes(value) };
    case "delete":
      return { kind, key };
    case "add":
      return { kind, key: drawKey(dice, workload, dice.chance(0.97)), delta: BigInt(dice.between(-3, 9)) };
    case "get":
      return { kind, key: drawKey(dice, workload, dice.chance(0.3)) };
  }
}

/** Wide enough that many are met. */
function drawExpectation(dice: Dice): Extract<SimpleCommand, { kind: "checkAndSet" }>["expect"] {
  if (dice.chance(0.6)) return { kind: "version", version: dice.between(0, 12) };
  return { kind: "oneOf", values: [null, bytes(`${dice.between(1, 200)}.0`)] };
}

function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}
