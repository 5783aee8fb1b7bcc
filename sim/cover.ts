/** What a run went through: faults that struck, writes that processes died at, rules of the protocol that decided something. */
import type { PeerReply, PeerRequest } from "../protocol/messages.ts";
import type { Ballot, InstanceId, RecordKind, Records } from "../protocol/types.ts";

/** In the order in which they are told, each with what must turn up in a campaign of any size. */
const GROUPS = {
  fault: ["crash", "crashAll", "one cut off", "halves", "one way", "bridge", "flapping", "clock", "pause", "datacenter lost"],
  members: ["add", "remove", "replace", "learner", "turn", "lost meanwhile", "lost while frozen"],
  message: ["lost", "answer lost", "twice", "late", "nobody there"],
  store: ["requestLost", "replyLost", "unreachable", "doubtNotDone", "doubtDone", "crashBefore", "crashAfter"],
  "died after": ["initial", "preaccepted", "accepted", "committed", "executed", "replica", "chain", "close", "progress", "slots", "value"],
  commit: ["fast", "slow", "nop"],
  rule: ["a", "b", "c or e", "d", "f", "g or h", "i", "j Nop", "j command"],
  copy: ["page", "cut", "changes", "changes cut", "record lost", "record lost in silence", "anew"],
  payload: ["of one caller", "of several", "with an idempotency key"],
  "idempotency key": ["asked again", "several instances", "row"],
  answer: ["nack", "frozen", "staleEpoch", "notVoting", "committed", "settled", "refused", "closeNack"],
} as const;
type Group = keyof typeof GROUPS;
type Counts = ReadonlyMap<string, number>;

export type Cover = {
  count(group: Group, what: string): void;
  counts(): Counts;
  request(request: PeerRequest): void;
  reply(request: PeerRequest, reply: PeerReply): void;
  /** A record reached a disk. */
  wrote<K extends RecordKind>(site: number, kind: K, record: Records[K] | null): void;
  /** The next write of this disk is a process's last. */
  lastWrite(site: number): void;
  died(site: number): void;
};

/** What is known of one ballot of one recovery. */
type Round = { foundCommitted: boolean; foundAccepted: boolean; validated: boolean; proposed: boolean };

export function createCover(): Cover {
  const counts = new Map<string, number>();
  const rounds = new Map<string, Round>();
  const waiting = new Set<InstanceId>();
  const written = new Map<number, Set<string>>();

  const count = (group: Group, what: string) => {
    const name = `${group}: ${what}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  const roundOf = (id: InstanceId, { epoch, counter, replica }: Ballot): Round => {
    const name = `${id}@${epoch}.${counter}.${replica}`;
    const round = rounds.get(name) ?? { foundCommitted: false, foundAccepted: false, validated: false, proposed: false };
    rounds.set(name, round);
    return round;
  };
  /** Told by what it proposes, and what had been asked and answered before. */
  const propose = ({ id, ballot, value }: Extract<PeerRequest, { kind: "accept" }>) => {
    const round = roundOf(id, ballot);
    if (round.proposed) return;
    round.proposed = true;
    if (!round.validated) count("rule", round.foundAccepted ? "b" : "c or e");
    else if (waiting.has(id)) count("rule", value === "nop" ? "j Nop" : "j command");
    else count("rule", value === "nop" ? "g or h" : "f");
  };
  return {
    count,
    counts: () => counts,
    request(request) {
      if (request.kind === "preAccept") {
        const { entries } = request.payload;
        count("payload", entries.length > 1 ? "of several" : "of one caller");
        if (entries.some(({ idempotency }) => idempotency !== null)) count("payload", "with an idempotency key");
      } else if (request.kind === "accept" && request.ballot.counter > 0) propose(request);
      else if (request.kind === "validate") {
        const round = roundOf(request.id, request.ballot);
        if (!round.validated) count("rule", "d");
        round.validated = true;
      } else if (request.kind === "waiting" && !waiting.has(request.id)) {
        waiting.add(request.id);
        count("rule", "i");
      }
    },
    reply(request, reply) {
      if ((GROUPS.answer as readonly string[]).includes(reply.kind)) count("answer", reply.kind);
      if (reply.kind === "snapshotRecords") count("copy", reply.cursor === null ? "page" : "cut");
      if (reply.kind === "snapshotChangesOk" && reply.changes.length > 0)
        count("copy", reply.executed === null ? "changes cut" : "changes");
      if (request.kind !== "recover") return;
      if (reply.kind === "committed") {
        const round = roundOf(request.id, request.ballot);
        if (!round.foundCommitted) count("rule", "a");
        round.foundCommitted = true;
      }
      if (reply.kind === "recoverOk" && reply.phase === "accepted") roundOf(reply.id, reply.ballot).foundAccepted = true;
    },
    wrote(site, kind, record) {
      if (kind === "row" && record !== null) count("idempotency key", "row");
      const what = written.get(site);
      if (what === undefined || record === null) return;
      if (kind !== "instance") what.add(kind);
      else {
        const { phase, executed } = record as Records["instance"];
        what.add(executed ? "executed" : phase);
      }
    },
    lastWrite: (site) => void written.set(site, new Set()),
    died(site) {
      for (const what of written.get(site) ?? []) count("died after", what);
      written.delete(site);
    },
  };
}

export function addCounts(total: Map<string, number>, counts: Counts): void {
  for (const [name, times] of counts) total.set(name, (total.get(name) ?? 0) + times);
}

/** One line for each group, and what never turned up. */
export function tellCover(total: Counts): string {
  const lines = Object.entries(GROUPS).map(([group, expected]) => {
    const others = [...total.keys()].filter((name) => name.startsWith(`${group}: `)).map((name) => name.slice(group.length + 2));
    const names = [...new Set<string>([...expected, ...others.sort()])];
    return `  ${group}: ${names.map((name) => `${name} ${total.get(`${group}: ${name}`) ?? 0}`).join(", ")}`;
  });
  const never = Object.entries(GROUPS).flatMap(([group, expected]) =>
    expected.map((name) => `${group}: ${name}`).filter((name) => !total.has(name)),
  );
  return ["cover:", ...lines, never.length === 0 ? "  nothing of these is missing" : `  never: ${never.join("; ")}`].join("\n");
}
