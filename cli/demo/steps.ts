/** The steps of the demo. Each checks what it says, and throws DemoFailure where it is not so. */
import { setTimeout as sleep } from "node:timers/promises";
import { RequestError } from "../../client/errors.ts";
import type { ClusterAnswer, ProposalAnswer } from "../../client/types.ts";
import { apiUrl, host, peerUrl } from "../dev/layout.ts";
import { clusterName, namespace } from "../dev/processes.ts";
import { addClient, check, clientOf, DemoFailure, ms, percentile, type Stage, say, title } from "./stage.ts";
import { startWriters } from "./writers.ts";

const writesEach = 30;
const contendedKeys = 200;
const raceLanes = 8;
const joinMs = 90_000;
const lookEveryMs = 100;

/** Writes from everywhere, none of them sent on to a leader. */
export async function writeEverywhere(stage: Stage): Promise<void> {
  title("1. Every datacenter takes writes itself: there is no leader to send them to");
  for (const { number, name } of stage.places) {
    const client = clientOf(stage, number);
    const tookMs: number[] = [];
    const paths: Record<ProposalAnswer["path"], number> = { fast: 0, slow: 0, recovered: 0 };
    for (let count = 0; count < writesEach; count++) {
      const [key, value] = [`hello/${name}/${count}`, `from ${name}`];
      const startedMs = performance.now();
      const answer = await client.propose([{ kind: "set", key, value }]);
      tookMs.push(performance.now() - startedMs);
      paths[answer.path]++;
      stage.acknowledged.set(key, value);
    }
    const slow = paths.slow + paths.recovered === 0 ? "" : `, ${paths.slow + paths.recovered} in two`;
    say(
      `   ${name}: ${writesEach} writes, half of them within ${ms(percentile(tookMs, 0.5))}, the slowest ${ms(Math.max(...tookMs))}; ${paths.fast} took one round trip${slow}`,
    );
  }
  const key = "hello/dc-1/0";
  for (const { number, name } of stage.places) {
    check((await clientOf(stage, number).get(key))?.value === "from dc-1", `${name} does not read what dc-1 wrote`);
  }
  say(`   And a linearizable read of ${key} gives dc-1's value in all ${stage.places.length}.`);
}

/** Check-and-set on the same keys from all sides. */
export async function raceForKeys(stage: Stage): Promise<void> {
  title(`2. ${contendedKeys} keys, and every datacenter wants each of them: write if absent, all at once`);
  const wins = new Map(stage.places.map(({ number }) => [number, 0]));
  const paths: Record<ProposalAnswer["path"], number> = { fast: 0, slow: 0, recovered: 0 };
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < contendedKeys; index = next++) {
      const key = `seat/${index}`;
      const claims = await Promise.all(
        stage.places.map(async ({ number, name }) => ({
          number,
          name,
          answer: await clientOf(stage, number).checkAndSet(key, { expectOneOf: [null] }, name),
        })),
      );
      const winners = claims.filter(({ answer }) => answer.results[0]?.ok === true);
      check(winners.length === 1, `${key} went to ${winners.length} datacenters instead of one`);
      for (const { answer } of claims) paths[answer.path]++;
      for (const { number, name } of winners) {
        stage.acknowledged.set(key, name);
        wins.set(number, (wins.get(number) ?? 0) + 1);
      }
      for (const { name, answer } of claims) {
        const [result] = answer.results;
        if (result?.ok !== false || result.error === "notACounter") continue;
        check(result.current === winners[0]?.name, `${name} was told that ${key} belongs to ${JSON.stringify(result.current)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: raceLanes }, lane));
  const shares = stage.places.map(({ number, name }) => `${name} ${wins.get(number)}`).join(", ");
  say(`   Each key has exactly one winner (${shares}), and every loser was told who it is.`);
  say(`   ${paths.fast} claims took one round trip, ${paths.slow + paths.recovered} had to be put in order with a second.`);
}

/** A new datacenter, asked for by nothing but a signal to the coordinator workflow. */
export async function addDatacenter(stage: Stage): Promise<void> {
  title("3. A datacenter joins while everybody goes on writing");
  const writers = startWriters(
    stage,
    stage.places.map(({ number }) => number),
    "while-joining",
  );
  const startedMs = performance.now();
  let joined: number;
  try {
    const place = await stage.cluster.startAnother();
    say(`   ${place.name} runs, empty: ${apiUrl(place)} answers that it is \`joining\`.`);
    await signalCoordinator(stage, "addReplica", { name: place.name, peerUrl: peerUrl(place), apiUrl: apiUrl(place) });
    say(`   Signal addReplica sent to workflow epoxy/${clusterName}/coordinator, as a person could in Temporal's UI.`);
    addClient(stage, place);
    await untilActive(stage, place.name, startedMs + joinMs);
    stage.places.push(place);
    joined = place.number;
  } finally {
    await stopQuietly(writers.stop);
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const written = await writers.stop();
  check(written.acknowledged > 0, "no write was acknowledged while the datacenter joined");
  say(
    `   It votes after ${seconds} s. Meanwhile ${written.acknowledged} writes were acknowledged; the longest wait between two was ${ms(written.longestGapMs)}.`,
  );
  const client = clientOf(stage, joined);
  check(
    (await client.get("seat/0", { read: "local" }))?.value === stage.acknowledged.get("seat/0"),
    "the new datacenter lacks what was written before it came",
  );
  const startMs = performance.now();
  await client.put("hello/newcomer", "also from here");
  stage.acknowledged.set("hello/newcomer", "also from here");
  say(`   It holds all that was written before it came, and takes writes itself (${ms(performance.now() - startMs)}).`);
}

/** The other way to ask the coordinator than HTTP: for whoever cannot wait. */
async function signalCoordinator(stage: Stage, name: string, argument: object): Promise<void> {
  const { Client, Connection } = await import("@temporalio/client");
  const connection = await Connection.connect({ address: `${host}:${stage.cluster.layout.temporalPort}` });
  try {
    await new Client({ connection, namespace }).workflow.getHandle(`epoxy/${clusterName}/coordinator`).signal(name, argument);
  } finally {
    await connection.close();
  }
}

async function untilActive(stage: Stage, name: string, deadlineMs: number): Promise<void> {
  let said = "";
  for (;;) {
    const cluster = await lookAt(stage);
    const status = cluster?.replicas.find((each) => each.name === name)?.status ?? null;
    const text = status === null ? "" : `${name} is ${status} (epoch ${cluster?.epoch})`;
    if (text !== "" && text !== said) say(`   ${text}`);
    said = text;
    if (status === "active") return;
    if (performance.now() > deadlineMs) {
      const detail = cluster?.reconfiguration?.detail;
      throw new DemoFailure(`${name} does not vote after ${joinMs / 1_000} s${detail ? `: ${JSON.stringify(detail)}` : ""}`);
    }
    stage.signal.throwIfAborted();
    await sleep(lookEveryMs);
  }
}

async function lookAt(stage: Stage): Promise<ClusterAnswer | null> {
  try {
    return await clientOf(stage, 1).cluster();
  } catch (error) {
    if (error instanceof RequestError) return null;
    throw error;
  }
}

/** kill -9 of a whole datacenter, its Redis too; then it comes back. */
export async function loseAndHeal(stage: Stage): Promise<void> {
  title("4. A datacenter is lost: kill -9 of its servers, its worker and its Redis");
  const victim = stage.places[1];
  if (victim === undefined) throw new DemoFailure("there is no second datacenter");
  const others = stage.places.map(({ number }) => number).filter((number) => number !== victim.number);
  const writers = startWriters(stage, others, "while-lost");
  try {
    await sleep(1_000);
    const before = writers.count();
    await stage.cluster.killDatacenter(victim.number);
    say(`   ${victim.name} is gone. The others are not asked to do anything about it.`);
    await sleep(4_000);
    const since = writers.count() - before;
    check(since > 0, "no write was acknowledged while a minority was down");
    say(`   ${since} writes were acknowledged in the 4 s since.`);
    await stage.cluster.reviveDatacenter(victim.number);
    const startedMs = performance.now();
    await untilReady(stage, victim.number);
    say(
      `   ${victim.name} is back, with what its Redis had promised, and ready after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s.`,
    );
  } finally {
    await stopQuietly(writers.stop);
  }
  const written = await writers.stop();
  say(
    `   In all: ${written.acknowledged} acknowledged, ${written.refused} refused, ${written.unknown} of unknown outcome; the longest wait between two was ${ms(written.longestGapMs)}.`,
  );
  const key = `back/${victim.name}`;
  await clientOf(stage, victim.number).put(key, "written by the one that was lost");
  stage.acknowledged.set(key, "written by the one that was lost");
}

async function untilReady(stage: Stage, number: number): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    stage.signal.throwIfAborted();
    try {
      await clientOf(stage, number).raw("/readyz");
      return;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (performance.now() > deadlineMs) throw new DemoFailure(`datacenter ${number} is not ready after 60 s: ${error.message}`);
      await sleep(lookEveryMs);
    }
  }
}

/** Every acknowledged write, from every datacenter. */
export async function verifyAll(stage: Stage): Promise<void> {
  title("5. Is everything there that was acknowledged?");
  const expected = [...stage.acknowledged];
  for (const { number, name } of stage.places) {
    const client = clientOf(stage, number);
    // A read ordered by consensus first: it waits for all that was acknowledged before it.
    const found = new Map<string, unknown>();
    for (let from = 0; from < expected.length; from += 200) {
      const keys = expected.slice(from, from + 200).map(([key]) => key);
      const answer = await client.propose(keys.map((key) => ({ kind: "get" as const, key })));
      answer.results.forEach((result, index) => void (result.ok && found.set(keys[index] as string, result.value)));
    }
    const lost = expected.filter(([key, value]) => found.get(key) !== value);
    check(lost.length === 0, `${name} lacks ${lost.length} acknowledged writes, ${lost[0]?.[0]} among them`);
    say(`   ${name}: all ${expected.length} acknowledged writes are there.`);
  }
}

/** A step that failed already has its reason: what its writers met then is a consequence. */
async function stopQuietly(stop: () => Promise<unknown>): Promise<void> {
  await stop().catch(() => undefined);
}
