/** Makes one cluster of the running datacenters: the others join the first through the coordinator. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "../../client/client.ts";
import { RequestError } from "../../client/errors.ts";
import type { ClusterAnswer } from "../../client/types.ts";
import { CommandError } from "../exit.ts";
import { apiUrl, type DatacenterPlace, peerUrl } from "./layout.ts";

export type Waiting = {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** What is being waited for, for the display and for the error when time is up. */
  readonly say: (number: number, text: string) => void;
};

const lookEveryMs = 50;
/** Long enough for an admission, short enough that one slow datacenter does not hold up the others. */
const admissionMs = 5_000;

/**
 * Asks the coordinator for every place that is no member yet. Each is asked for once the one before has its id, so that ids
 * follow the numbers; from there they all learn at once.
 */
export async function addAll(first: DatacenterPlace, others: readonly DatacenterPlace[], waiting: Waiting): Promise<void> {
  const client = createClient({ endpoints: [apiUrl(first)], timeoutMs: 5_000, triesMax: 1 });
  try {
    for (const place of others) {
      await addOne(client, place, waiting);
      const patience = { ...waiting, deadlineMs: Math.min(waiting.deadlineMs, performance.now() + admissionMs) };
      await until(patience, async () => has(await client.cluster(), place.name)).catch((error) => {
        if (waiting.signal.aborted) throw error;
      });
    }
  } finally {
    await client.close();
  }
}

async function addOne(client: Client, place: DatacenterPlace, waiting: Waiting): Promise<void> {
  waiting.say(place.number, "asks to join");
  await until(waiting, async () => {
    if (has(await client.cluster(), place.name)) return true;
    try {
      await client.addReplica({ name: place.name, peerUrl: peerUrl(place), apiUrl: apiUrl(place), voter: place.voter });
      return true;
    } catch (error) {
      // An answer that was lost may have been a yes: then it stands in the cluster soon, or its name is refused as taken.
      if (error instanceof RequestError && error.status !== null && error.status < 500 && error.status !== 429) {
        if (/already|taken|exists|duplicate|use/i.test(error.message)) return true;
        throw new CommandError(`the coordinator refuses ${place.name}: ${error.message}`);
      }
      throw error;
    }
  });
}

/** Waits until this datacenter answers at all. */
export async function untilAnswers(place: DatacenterPlace, waiting: Waiting): Promise<void> {
  await ofEach(place, async (client) => void (await until(waiting, async () => (await client.raw("/healthz")).status === 200)));
}

/** Waits until the datacenter is what it shall be, by its own word, and all its servers are ready. */
export async function untilSettled(
  place: DatacenterPlace,
  goal: "active" | "learning",
  voters: readonly string[],
  waiting: Waiting,
): Promise<void> {
  await ofEach(place, async (client) => {
    await until(waiting, async () => {
      const cluster = await client.cluster();
      const { status } = cluster.replica;
      const there = goal === "learning" ? ["learning", "active"].includes(status) : status === "active";
      const missing = there
        ? voters.filter((name) => !cluster.replicas.some((each) => each.name === name && each.status === "active"))
        : [];
      waiting.say(place.number, missing.length === 0 ? status : `${status}, waits for ${missing.join(", ")}`);
      if (!there || missing.length > 0) return false;
      if (goal === "active") await client.raw("/readyz");
      return true;
    });
  });
  waiting.say(place.number, goal === "active" ? "ready" : "follows");
}

async function ofEach(place: DatacenterPlace, act: (client: Client) => Promise<void>): Promise<void> {
  await Promise.all(
    place.servers.map(async (_, index) => {
      const client = createClient({ endpoints: [apiUrl(place, index)], timeoutMs: 2_000, triesMax: 1 });
      try {
        await act(client);
      } catch (error) {
        throw error instanceof CommandError ? new CommandError(`${place.name}: ${error.message}`, error.exitCode, { cause: error }) : error;
      } finally {
        await client.close();
      }
    }),
  );
}

function has(cluster: ClusterAnswer, name: string): boolean {
  return cluster.replicas.some((each) => each.name === name);
}

/** Looks again and again; what `look` throws meanwhile is the reason when time is up. @throws CommandError */
export async function until(waiting: Pick<Waiting, "deadlineMs" | "signal">, look: () => Promise<boolean>): Promise<void> {
  let reason = "";
  for (;;) {
    waiting.signal.throwIfAborted();
    try {
      if (await look()) return;
      reason = "";
    } catch (error) {
      if (error instanceof CommandError) throw error;
      if (!(error instanceof RequestError)) throw error;
      const problems = error.details["problems"] ?? error.details["reasons"];
      reason = Array.isArray(problems) && problems.length > 0 ? problems.join("; ") : error.message;
    }
    if (performance.now() > waiting.deadlineMs) throw new CommandError(reason === "" ? "time is up" : `time is up: ${reason}`);
    await sleep(lookEveryMs);
  }
}
