/** Reads along as disks are written, and hears what replicas answer: the invariants of consensus section 7 at every step. */

import type { BatchTransaction } from "../../proposals/store/backend.ts";
import { compareBallots } from "../../protocol/ballot.ts";
import { decodeMembers, isVoter } from "../../protocol/cluster.ts";
import { sameDeps } from "../../protocol/deps.ts";
import { covers, frontierSlot, frontierWithin } from "../../protocol/frontier.ts";
import { instanceName, parseInstanceName } from "../../protocol/ids.ts";
import type { PeerReply, PeerRequest } from "../../protocol/messages.ts";
import { inSettled } from "../../protocol/settled.ts";
import type {
  ChainRecord,
  EndsRecord,
  Footprint,
  IdempotencyRow,
  IndexRecord,
  InstanceId,
  InstanceRecord,
  KeyState,
  Payload,
  Progress,
  RecordKind,
  Records,
  ReplicaState,
} from "../../protocol/types.ts";
import type { Process, Site } from "../site.ts";
import { short } from "../trace.ts";
import type { World } from "../world.ts";
import { checkIndexed, checkInstance } from "./instance-rules.ts";
import { atBallot, broken, createLedger, createMirror, type Ledger, type Mirror, nameOf } from "./ledger.ts";
import { checkExecuted, placeCopy } from "./order-rules.ts";

export type Observer = {
  readonly ledger: Ledger;
  siteOpened(site: Site): void;
  onRequest(from: Speaker, request: PeerRequest): void;
  onReply(from: Speaker, request: PeerRequest, reply: PeerReply): void;
};
type Speaker = Pick<Process, "name" | "site">;

/** A write that was under way when a member became known may still be computed without it. */
const NEWS_MS = 1_000;
const KINDS: Readonly<Record<string, RecordKind>> = { i: "instance", x: "index", v: "value", r: "row", b: "bucket" };

export function createObserver(world: World): Observer {
  const ledger = createLedger(world);
  return {
    ledger,
    siteOpened(site) {
      const mirror = createMirror(site);
      ledger.mirrors.set(site.number, mirror);
      site.disk.watch = (applied) => {
        world.trace.mix("disk", site.number, applied.puts.length);
        if (world.violation === null) readTransaction(ledger, mirror, applied);
      };
    },
    onRequest(from, request) {
      world.cover.request(request);
      if (request.kind !== "recover") return;
      const mirror = ledger.mirrors.get(from.site.number) as Mirror;
      const key = atBallot(request.id, request.ballot);
      const other = ledger.coordinators.get(key) ?? from.name;
      if (other !== from.name || request.ballot.replica !== nameOf(mirror))
        broken(ledger, mirror, "I8", `${key} is used by ${from.name} and ${other}`, [request.id]);
      ledger.coordinators.set(key, from.name);
    },
    onReply(from, request, reply) {
      world.cover.reply(request, reply);
      checkReply(ledger, ledger.mirrors.get(from.site.number) as Mirror, reply);
    },
  };
}

/** I10: what is said is durable. */
function checkReply(ledger: Ledger, mirror: Mirror, reply: PeerReply): void {
  const say = (message: string, id: InstanceId) => broken(ledger, mirror, "I10", `${short(reply)}, but ${message}`, [id]);
  switch (reply.kind) {
    case "preAcceptOk": {
      const deps = mirror.preAccepted.get(reply.id);
      if (deps === undefined || !sameDeps(deps, reply.deps)) say(`on disk is ${short(deps)}`, reply.id);
      return;
    }
    case "acceptOk":
      if (!ledger.accepted.get(reply.id)?.get(atBallot(reply.id, reply.ballot))?.replicas.has(nameOf(mirror)))
        say("it was never written", reply.id);
      return;
    case "recoverOk": {
      const ballot = mirror.instances.get(reply.id)?.ballot;
      if (ballot === undefined || compareBallots(ballot, reply.ballot) < 0) say(`on disk is ${short(ballot)}`, reply.id);
      return;
    }
    case "validateOk":
      if ((mirror.instances.get(reply.id)?.initDeps ?? null) === null) say("the initial value is not on disk", reply.id);
      return;
    case "committed": {
      const decided = ledger.decided.get(reply.id);
      if (decided === undefined && reply.value !== "nop") say("nobody has committed it", reply.id);
      return;
    }
    default:
      return;
  }
}

function readTransaction(ledger: Ledger, mirror: Mirror, { puts, drops, appends }: BatchTransaction): void {
  const { sealing } = mirror.site;
  const known: { readonly id: InstanceId; readonly payload: Payload }[] = [];
  let copied = false;
  const take = (name: string, record: Records[RecordKind] | null) => {
    const kind = KINDS[name[0] as string] ?? (name.slice(2) as RecordKind);
    ledger.world.cover.wrote(mirror.site.number, kind, record);
    if (kind === "instance") {
      const payload = takeInstance(ledger, mirror, name.slice(2), record as InstanceRecord | null);
      if (payload !== null) known.push({ id: (record as InstanceRecord).id, payload });
    } else if (kind === "index") takeIndex(ledger, mirror, name.slice(2) as Footprint, record as IndexRecord | null);
    else if (kind === "replica") takeReplica(ledger, mirror, record as ReplicaState);
    else if (kind === "chain") takeChain(ledger, mirror, record as ChainRecord);
    else if (kind === "progress") copied = takeProgress(ledger, mirror, record as Progress | null) || copied;
    else if (kind === "ends") takeEnds(ledger, mirror, record as EndsRecord);
    else if (kind === "row") takeRow(ledger, mirror, name.slice(2), record as IdempotencyRow | null);
    else if (kind === "value" && name === "v:") takeMembers(ledger, mirror, record as KeyState | null);
  };
  for (const { name, bytes } of puts) {
    const kind = KINDS[name[0] as string] ?? (name.slice(2) as RecordKind);
    take(name, sealing.unseal({ kind, name }, bytes).record);
  }
  for (const name of drops) take(name, null);
  for (const { id, payload } of known) checkIndexed(ledger, mirror, id, payload);
  if (copied) placeCopy(ledger, mirror);
  if (appends.length > 0)
    checkExecuted(
      ledger,
      mirror,
      appends.map((bytes) => sealing.unsealChange(0, bytes).instance),
    );
}

/** The payload, where this write made it known. */
function takeInstance(ledger: Ledger, mirror: Mirror, name: string, after: InstanceRecord | null): Payload | null {
  const id = parseInstanceName(name) as InstanceId;
  const before = mirror.instances.get(id) ?? null;
  checkInstance(ledger, mirror, id, before, after);
  if (after === null) mirror.instances.delete(id);
  else mirror.instances.set(id, after);
  const trace = ledger.world.trace;
  if (after !== null)
    trace.line(
      [id],
      () =>
        `disk ${mirror.site.number}: ${name} ${after.phase} bal ${short(after.ballot)} abal ${short(after.acceptedBallot)} deps ${short(after.deps)}${after.executed ? " executed" : ""}${after.value === "nop" ? " NOP" : ""}`,
    );
  const payload = payloadOf(after);
  return payload === null || payloadOf(before) !== null ? null : payload;
}

function payloadOf(record: InstanceRecord | null): Payload | null {
  if (record === null) return null;
  return record.initPayload ?? (record.value === "nop" ? null : record.value);
}

function takeIndex(ledger: Ledger, mirror: Mirror, footprint: Footprint, after: IndexRecord | null): void {
  const floor = mirror.progress?.globalFloor ?? [];
  const left = new Set(after?.entries.map(({ id }) => id));
  for (const { id } of mirror.index.get(footprint)?.entries ?? []) {
    if (!left.has(id) && !covers(floor, id))
      broken(ledger, mirror, "I20", `${instanceName(id)} left the index of ${footprint} above the global floor`, [id]);
  }
  mirror.index.set(footprint, after ?? { entries: [] });
}

/** I16: who has made promises in an epoch keeps them. */
function takeReplica(ledger: Ledger, mirror: Mirror, after: ReplicaState): void {
  const before = mirror.replica;
  mirror.replica = after;
  if (before !== null && after.epoch < before.epoch && isVoter(mirror.chain, before.epoch, before.self))
    broken(ledger, mirror, "I16", `a voter of epoch ${before.epoch} has gone back to epoch ${after.epoch}`, []);
}

/** I17 and I18. */
function takeChain(ledger: Ledger, mirror: Mirror, { links }: ChainRecord): void {
  mirror.chain = links;
  for (const link of links) {
    const known = ledger.chain[link.epoch - 1];
    if (known !== undefined) {
      if (known.hash !== link.hash)
        broken(ledger, mirror, "I17", `epoch ${link.epoch} has two configurations: ${short(known)} and ${short(link)}`, []);
      continue;
    }
    ledger.chain[link.epoch - 1] = link;
    ledger.world.trace.line([], () => `epoch ${link.epoch} is decided: ${short({ voters: link.voters, settled: link.settled })}`);
    for (const [id, { epoch, value }] of ledger.decided) {
      if (epoch < link.epoch && value !== "nop" && !inSettled(link.settled, id))
        broken(ledger, mirror, "I18", `K of epoch ${link.epoch - 1} lacks ${instanceName(id)}, committed in epoch ${epoch}`, [id]);
    }
  }
}

/** True where a newcomer's copy became complete. */
function takeProgress(ledger: Ledger, mirror: Mirror, after: Progress | null): boolean {
  const before = mirror.progress;
  mirror.progress = after;
  if (after === null) {
    ledger.world.cover.count("copy", "anew");
    return false;
  }
  if (before !== null && !(frontierWithin(before.executed, after.executed) && frontierWithin(before.globalFloor, after.globalFloor)))
    broken(ledger, mirror, "progress", `went back from ${short(before)} to ${short(after)}`, []);
  // Only what this write raised: a column may have passed a newcomer before this replica had heard of it, and stays where it is.
  const raised = after.globalFloor.filter(([replica, slot]) => slot > frontierSlot(before?.globalFloor ?? [], replica));
  for (const other of ledger.mirrors.values()) {
    if (other.progress === null || other.site.lost || ledger.removed.has(nameOf(other))) continue;
    // A newcomer that it has not heard of, or only while this was under way, does not vote yet, and gets what it lacks from
    // those who knew it when they let it copy.
    const knownMs = mirror.members.get(nameOf(other));
    if (knownMs === undefined || ledger.world.schedule.nowMs() - knownMs < NEWS_MS) continue;
    if (!frontierWithin(raised, other.progress.executed))
      broken(
        ledger,
        mirror,
        "floor",
        `the global floor ${short(after.globalFloor)} is above what datacenter ${other.site.number} has executed, ${short(other.progress.executed)}`,
        [],
      );
  }
  return before === null;
}

/** I21: who enters an epoch after the end of one holds what everybody holds there. */
function takeEnds(ledger: Ledger, mirror: Mirror, { ends }: EndsRecord): void {
  for (const { epoch, digest } of ends) {
    const known = ledger.ends.get(epoch) ?? { digest, by: mirror.site.number };
    ledger.ends.set(epoch, known);
    if (known.digest !== digest)
      broken(
        ledger,
        mirror,
        "I21",
        `the end of epoch ${epoch} has digest ${digest} here and ${known.digest} at datacenter ${known.by}`,
        [],
      );
  }
}

/** I13: one instance executes an idempotency key. Within the hours of one run no row is replaced. */
function takeRow(ledger: Ledger, mirror: Mirror, key: string, row: IdempotencyRow | null): void {
  if (row === null) return;
  const first = ledger.rows.get(key) ?? row.instance;
  if (first !== row.instance)
    broken(ledger, mirror, "I13", `idempotency key ${key} was executed by ${instanceName(first)} and ${instanceName(row.instance)}`, [
      first,
      row.instance,
    ]);
  ledger.rows.set(key, first);
}

function takeMembers(ledger: Ledger, mirror: Mirror, state: KeyState | null): void {
  if (state?.value == null) return;
  const { members, removed } = decodeMembers(state.value);
  const now = ledger.world.schedule.nowMs();
  mirror.members = new Map(members.map(({ id }) => [id, mirror.members.get(id) ?? now]));
  for (const id of removed) ledger.removed.add(id);
}
