/** Logs of a Redis that are not what it wrote: cut, zeroed, or with one bit turned. Nothing of it is ever served. */
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/api.ts";
import type { Run, TortureCase } from "../case.ts";
import { newestLog } from "../disk/synced.ts";
import { inTurn, readyAgain } from "../faults.ts";

export const cases: readonly TortureCase[] = [
  {
    fault: 5,
    name: "log-cut",
    what: "the log of one Redis ends in a part of a write that nobody was told of",
    seconds: 20,
    inject: (run) => inTurn(run, (datacenter) => torn(run, datacenter)),
  },
  {
    fault: 5,
    name: "log-zeroed",
    what: "the log of one Redis ends in zeros: Redis does not start, until they are cut off",
    seconds: 20,
    inject: (run) =>
      inTurn(run, (datacenter) =>
        refusedByRedis(run, datacenter, "zeros at the end of the log", (log) => {
          const { length } = readFileSync(log);
          appendFileSync(log, Buffer.alloc(run.dice.between(1, 4096)));
          return () => truncateSync(log, length);
        }),
      ),
  },
  {
    fault: 5,
    name: "structure-bit",
    what: "one bit of the log's structure is turned: Redis does not start, until it is turned back",
    seconds: 20,
    inject: (run) =>
      inTurn(run, (datacenter) =>
        refusedByRedis(run, datacenter, "a bit of the log's structure turned", (log) => turnBit(log, structureAt(run, log), 0x40)),
      ),
  },
  {
    fault: 5,
    name: "value-bit",
    what: "one bit of a value is turned, which Redis loads in silence: it is not served",
    seconds: 30,
    inject: (run) => inTurn(run, (datacenter) => valueBit(run, datacenter)),
  },
];

/** Half a command after the log, of which some bytes are gone: what was synced before stays whole. */
async function torn(run: Run, datacenter: number): Promise<void> {
  await run.fault("log cut", [datacenter], async () => {
    await run.cluster.kill(datacenter);
    const unwritten = Buffer.from("*3\r\n$3\r\nSET\r\n$9\r\nunwritten");
    appendFileSync(logOf(run, datacenter), unwritten.subarray(0, run.dice.between(1, unwritten.length)));
    await startAgain(run, datacenter);
  });
  await readyAgain(run, [datacenter]);
}

/** @param damage returns what undoes it */
async function refusedByRedis(run: Run, datacenter: number, name: string, damage: (log: string) => () => void): Promise<void> {
  const { cluster } = run;
  await run.fault(name, [datacenter], async () => {
    await cluster.kill(datacenter);
    const undo = damage(logOf(run, datacenter));
    run.expectDeath("exit code 1");
    cluster.start(datacenter);
    await eventually("Redis refuses its log", 20_000, () => cluster.pid(datacenter, "redis") === null);
    for (let waited = 0; waited < 3_000; waited += 200) {
      if (await cluster.api(datacenter).isReady()) run.violation(`dc-${datacenter} is ready with ${name}`);
      await sleep(200);
    }
    undo();
    cluster.start(datacenter, "redis");
  });
  run.count(`refused: ${name}`);
  await readyAgain(run, [datacenter]);
}

/**
 * The value is in several records; the bit is turned in one of the last two that were written of it. Reads of it there must give what
 * was written, by a mended record, or nothing. Where it cannot be mended the replica does not vote, and here the bit is turned back.
 */
async function valueBit(run: Run, datacenter: number): Promise<void> {
  const { cluster, recorder, dice } = run;
  const api = cluster.api(datacenter);
  const key = `${run.prefix}bit/${dice.id()}`;
  const value = `to be turned ${dice.id()}`;
  const written = await recorder.set(`dc-${datacenter}.bit`, api, key, value);
  if (written.status !== "ok") return;
  const read = (mode: "local" | "linearizable") => recorder.get(`dc-${datacenter}.bit`, api, key, mode);
  await run.fault("a bit of a value turned", [datacenter], async () => {
    await sleep(500);
    await cluster.kill(datacenter, "server", "worker", "redis");
    const log = logOf(run, datacenter);
    const places = placesOf(readFileSync(log), Buffer.from(value)).slice(-2);
    const undo = turnBit(log, dice.pick(places) + dice.between(0, value.length - 1), 1 << dice.between(0, 7));
    await startAgain(run, datacenter);
    let answered = 0;
    for (let waited = 0; waited < 8_000; waited += 250) {
      for (const mode of ["local", "linearizable"] as const) if ((await read(mode)).status === "ok") answered++;
      await sleep(250);
    }
    const found = cluster.log(`${cluster.place(datacenter).name}-server`);
    run.count("bits of values turned");
    run.count("found by their checksum", found.includes("its checksum is wrong") ? 1 : 0);
    run.count("reads of such a value that were answered", answered);
    if (!(await api.isReady())) {
      run.count("not mended by itself");
      await cluster.kill(datacenter);
      undo();
      await startAgain(run, datacenter);
    }
  });
  await readyAgain(run, [datacenter]);
}

async function startAgain({ cluster }: Run, datacenter: number): Promise<void> {
  cluster.start(datacenter, "redis");
  await sleep(300);
  cluster.start(datacenter);
}

function logOf({ cluster }: Run, datacenter: number): string {
  return newestLog(join(cluster.place(datacenter).folder, "redis"));
}

/** @returns what turns it back */
function turnBit(file: string, at: number, mask: number): () => void {
  const turn = () => {
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    writeFileSync(file, bytes);
  };
  turn();
  return turn;
}

/** The asterisk before one of the commands in the log's first half. */
function structureAt({ dice }: Run, log: string): number {
  const places = placesOf(readFileSync(log), Buffer.from("\r\n*3\r\n$3\r\nSET\r\n"));
  return dice.pick(places.slice(0, Math.ceil(places.length / 2))) + 2;
}

function placesOf(bytes: Buffer, what: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(what); at >= 0; at = bytes.indexOf(what, at + 1)) places.push(at);
  return places;
}
