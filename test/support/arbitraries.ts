/** fast-check arbitraries of the protocol's data, in normal form and in range. */
import fc from "fast-check";
import { footprints } from "../../protocol/conflict.ts";
import { makeDeps } from "../../protocol/deps.ts";
import { frontierOf } from "../../protocol/frontier.ts";
import { instanceId } from "../../protocol/ids.ts";
import type { PeerReply, PeerRequest, ReplicaStatus, ReplyEnvelope, RequestEnvelope, SyncState } from "../../protocol/messages.ts";
import type {
  Ballot,
  Bytes,
  ChainLink,
  Change,
  Check,
  Command,
  CommandResult,
  Deps,
  Entry,
  EntryOutcome,
  Epoch,
  Expectation,
  Footprint,
  Frontier,
  IdempotencyRow,
  InstanceId,
  InstanceRecord,
  Key,
  KeyState,
  Payload,
  Records,
  ReplicaId,
  Settled,
  SimpleCommand,
  Slot,
  Value,
  Write,
} from "../../protocol/types.ts";

/** A record in which every field is there and the prototype is Object's, as decoders make them. */
function struct<T extends object>(fields: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields as { [K in keyof T]: fc.Arbitrary<T[K]> }, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>;
}
function variant<K extends string, T extends object>(
  kind: K,
  fields: { readonly [F in keyof T]: fc.Arbitrary<T[F]> },
): fc.Arbitrary<{ kind: K } & T> {
  return struct<T>(fields).map((rest) => ({ kind, ...rest }));
}
const few = <T>(element: fc.Arbitrary<T>, maxLength = 4) => fc.array(element, { maxLength });
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const hex = (digits: number) => fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });
const hex32 = hex(32);
const hex64 = hex(64);
const orEmpty = (text: fc.Arbitrary<string>) => fc.oneof(fc.constant(""), text);

export const anyUint = fc.oneof(fc.nat(300), fc.maxSafeNat());
export const anyReplicaId = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 8191 })).map((id) => id as ReplicaId);
export const anySlot = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 40 - 1 })).map((slot) => slot as Slot);
export const anyEpoch = fc
  .oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
  .map((epoch) => epoch as Epoch);
export const anyInstanceId: fc.Arbitrary<InstanceId> = fc.tuple(anyReplicaId, anySlot).map(([replica, slot]) => instanceId(replica, slot));
export const anyBallot: fc.Arbitrary<Ballot> = struct<Ballot>({ epoch: anyEpoch, counter: anyUint, replica: anyReplicaId });
export const anyFrontier: fc.Arbitrary<Frontier> = fc
  .array(fc.tuple(anyReplicaId, anySlot), { maxLength: 6 })
  .map((columns) => frontierOf(new Map(columns)));
export const anyDeps: fc.Arbitrary<Deps> = fc
  .tuple(anyFrontier, fc.array(anyInstanceId, { maxLength: 8 }))
  .map(([floor, ids]) => makeDeps(floor, ids));

export const anyBytes: fc.Arbitrary<Bytes> = fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes));
export const anyKey: fc.Arbitrary<Key> = fc
  .oneof(
    fc.constantFrom("", "a", "b"),
    anyBytes.map((bytes) => String.fromCharCode(...bytes)),
  )
  .map((key) => key as Key);
const anyText = fc.string({ unit: "grapheme", maxLength: 40 });
const maybeBytes = orNull(anyBytes);
const anyDelta = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

export const anyExpectation: fc.Arbitrary<Expectation> = fc.oneof(
  variant("oneOf", { values: few(maybeBytes) }),
  variant("version", { version: anyUint }),
);
export const anySimpleCommand: fc.Arbitrary<SimpleCommand> = fc.oneof(
  variant("set", { key: anyKey, value: maybeBytes }),
  variant("checkAndSet", { key: anyKey, expect: anyExpectation, newValue: maybeBytes }),
  variant("delete", { key: anyKey }),
  variant("add", { key: anyKey, delta: anyDelta }),
  variant("get", { key: anyKey }),
);
const anyBucket = fc.nat(255);
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: anySimpleCommand },
  variant("txn", { checks: few(struct<Check>({ key: anyKey, expect: anyExpectation })), commands: few(anySimpleCommand) }),
  variant("closeBucket", { hour: anyUint, bucket: anyBucket }),
);
/** What a header can say: characters up to 255. */
export const anyIdempotencyKey: fc.Arbitrary<string> = anyBytes.map((bytes) => String.fromCharCode(...bytes));
const anyIdempotency = struct({ key: anyIdempotencyKey, fingerprint: hex64, stampMs: anyUint });
export const anyEntry: fc.Arbitrary<Entry> = struct<Entry>({ commands: few(anyCommand), idempotency: orNull(anyIdempotency) });
export const anyPayload: fc.Arbitrary<Payload> = struct<Payload>({ seq: anyUint, entries: few(anyEntry, 3) });
export const anyValue: fc.Arbitrary<Value> = fc.oneof(fc.constant("nop" as const), anyPayload);
export const anyFootprint: fc.Arbitrary<Footprint> = anyPayload.map(
  (payload) => footprints(payload).keys().next().value ?? ("k" as Footprint),
);

const simpleResult: fc.Arbitrary<CommandResult> = fc.oneof(
  variant("written", { version: anyUint }),
  variant("value", { value: maybeBytes, version: anyUint }),
  variant("added", {}),
  variant("expectedValueDoesNotMatch", { current: maybeBytes, version: anyUint }),
  variant("checkFailed", { failed: anyUint, current: maybeBytes, version: anyUint }),
  variant("notACounter", {}),
  variant("bucketClosed", {}),
);
export const anyResult: fc.Arbitrary<CommandResult> = fc.oneof(simpleResult, variant("txn", { results: few(simpleResult) }));
export const anyOutcome: fc.Arbitrary<EntryOutcome> = fc.oneof(
  variant("results", { results: few(anyResult) }),
  variant("idempotencyKeyReused", {}),
  variant("idempotencyKeyExpired", {}),
);

const anyKeyState = struct<KeyState>({ value: maybeBytes, version: anyUint });
const anyRow = struct<IdempotencyRow>({ fingerprint: hex64, stampMs: anyUint, instance: anyInstanceId, outcome: anyOutcome });
/** Of the replicated kinds. */
export const anyStateWrite: fc.Arbitrary<Write> = fc.oneof(
  variant("value", { id: anyKey, record: orNull(anyKeyState) }),
  variant("row", { id: anyIdempotencyKey, record: orNull(anyRow) }),
  variant("bucket", {
    id: fc.tuple(anyUint, anyBucket).map(([hour, bucket]) => `${hour}.${bucket}`),
    record: orNull(fc.constant({ closed: true } as const)),
  }),
);
export const anyChange: fc.Arbitrary<Change> = struct<Change>({ instance: anyInstanceId, writes: few(anyStateWrite) });

const anySettled = struct<Settled>({ frontier: anyFrontier, listed: few(anyInstanceId) });
const anyMember = struct({
  id: anyReplicaId,
  name: anyText,
  peerUrl: anyText,
  apiUrl: anyText,
  voter: fc.boolean(),
  incarnation: orNull(hex32),
  leaving: fc.boolean(),
});
const anyVoters = fc.uniqueArray(anyReplicaId, { minLength: 1, maxLength: 9 }).map((ids) => ids.sort((a, b) => a - b));
export const anyChainLink: fc.Arbitrary<ChainLink> = struct<ChainLink>({
  epoch: anyEpoch,
  voters: anyVoters,
  settled: anySettled,
  members: struct({ coordinator: anyReplicaId, nextId: anyReplicaId, members: few(anyMember), removed: few(anyReplicaId) }),
  previousHash: orEmpty(hex64),
  hash: hex64,
});
const links = few(anyChainLink, 2);
const maybeEpoch = fc.oneof(fc.constant(0 as const), anyEpoch);
const maybeReplica = fc.oneof(fc.constant(0 as const), anyReplicaId);
const anyStatus = fc.constantFrom<ReplicaStatus>("joining", "learning", "active", "removed");
const anyPhase = fc.constantFrom("initial" as const, "preaccepted" as const, "accepted" as const, "committed" as const);
const syncFields: { readonly [K in keyof SyncState]: fc.Arbitrary<SyncState[K]> } = {
  executed: anyFrontier,
  advertisedFloor: anyFrontier,
  wallMs: anyUint,
  seenCounter: anyUint,
  seenIncarnation: orEmpty(hex32),
  chainEpoch: maybeEpoch,
  digest: hex32,
};

export const anyRequest: fc.Arbitrary<PeerRequest> = fc.oneof(
  variant("preAccept", { epoch: anyEpoch, id: anyInstanceId, payload: anyPayload, deps: anyDeps }),
  variant("accept", { epoch: anyEpoch, id: anyInstanceId, ballot: anyBallot, value: anyValue, deps: anyDeps }),
  variant("commit", { epoch: anyEpoch, id: anyInstanceId, value: anyValue, deps: anyDeps }),
  variant("recover", { epoch: anyEpoch, id: anyInstanceId, ballot: anyBallot }),
  variant("validate", { epoch: anyEpoch, id: anyInstanceId, ballot: anyBallot, payload: anyPayload, deps: anyDeps }),
  variant("waiting", { epoch: anyEpoch, id: anyInstanceId, count: anyUint }),
  variant("readIndex", { epoch: anyEpoch, footprints: few(anyFootprint) }),
  variant("sync", syncFields),
  variant("downloadInstances", { ranges: few(struct({ replica: anyReplicaId, from: anySlot, to: anySlot })) }),
  variant("kvGet", { key: anyKey }),
  variant("healthCheck", {}),
  variant("beginLearning", { learnId: anyText, clusterName: anyText, links, sources: few(anyReplicaId) }),
  variant("abortLearning", { learnId: anyText }),
  variant("updateReplicaStatus", { replica: anyReplicaId, status: anyStatus, learnId: anyText }),
  variant("coordinatorRequest", { name: anyText, argument: anyText }),
  variant("updateConfig", { links }),
  variant("fetchConfig", { afterEpoch: maybeEpoch }),
  variant("freeze", { epoch: anyEpoch }),
  variant("closePrepare", { epoch: anyEpoch, ballot: anyBallot }),
  variant("closeAccept", { epoch: anyEpoch, ballot: anyBallot, link: anyChainLink }),
  variant("snapshotPage", { cursor: anyText }),
  variant("snapshotChanges", { after: anyText }),
);

/** What an owner chose, or nothing of it. */
const initial = orNull(fc.tuple(anyPayload, anyDeps)).map((both) => ({ initPayload: both?.[0] ?? null, initDeps: both?.[1] ?? null }));
const anyRecoverOk: fc.Arbitrary<PeerReply> = fc
  .tuple(
    variant("recoverOk", {
      id: anyInstanceId,
      ballot: anyBallot,
      phase: anyPhase,
      acceptedBallot: anyBallot,
      value: orNull(anyValue),
      deps: anyDeps,
    }),
    initial,
  )
  .map(([reply, chosen]) => ({ ...reply, ...chosen }));

export const anyReply: fc.Arbitrary<PeerReply> = fc.oneof(
  variant("preAcceptOk", { id: anyInstanceId, deps: anyDeps }),
  variant("acceptOk", { id: anyInstanceId, ballot: anyBallot }),
  anyRecoverOk,
  variant("validateOk", { id: anyInstanceId, ballot: anyBallot, conflicts: few(struct({ id: anyInstanceId, committed: fc.boolean() })) }),
  variant("committed", { id: anyInstanceId, value: anyValue, deps: anyDeps }),
  variant("settled", { id: anyInstanceId }),
  variant("nack", { id: anyInstanceId, ballot: anyBallot }),
  variant("ok", {}),
  variant("staleEpoch", { links }),
  variant("frozen", { epoch: anyEpoch }),
  variant("notVoting", { epoch: maybeEpoch, status: anyStatus }),
  variant("readIndexOk", { ids: few(anyInstanceId), hasAdders: fc.boolean(), globalFloor: anyFrontier }),
  variant("syncOk", syncFields),
  variant("instances", { instances: few(struct({ id: anyInstanceId, epoch: anyEpoch, value: anyValue, deps: anyDeps }), 2) }),
  variant("kvValue", { value: maybeBytes, version: anyUint }),
  variant("healthOk", { clusterId: orEmpty(hex32), replica: maybeReplica, incarnation: orEmpty(hex32), status: anyStatus, build: anyText }),
  variant("coordinatorReply", { generation: anyUint, id: anyUint }),
  variant("config", { links }),
  variant("freezeOk", { reported: anySettled }),
  variant("closePromise", { accepted: orNull(struct({ ballot: anyBallot, link: anyChainLink })) }),
  variant("closeAccepted", {}),
  variant("closeNack", { ballot: anyBallot }),
  variant("snapshotRecords", { writes: few(anyStateWrite), cursor: orNull(anyText) }),
  variant("snapshotChangesOk", {
    changes: few(anyChange, 2),
    position: anyText,
    executed: orNull(struct({ prefix: anyFrontier, listed: few(anyInstanceId) })),
  }),
  variant("refused", { code: anyText, message: anyText }),
);

export const anyRequestEnvelope: fc.Arbitrary<RequestEnvelope> = struct<RequestEnvelope>({
  header: struct<RequestEnvelope["header"]>({
    clusterId: orEmpty(hex32),
    from: maybeReplica.map((id) => id as ReplicaId),
    to: maybeReplica,
    incarnation: orEmpty(hex32),
    epoch: maybeEpoch.map((epoch) => epoch as Epoch),
    counter: anyUint,
  }),
  requests: few(anyRequest),
});
export const anyReplyEnvelope: fc.Arbitrary<ReplyEnvelope> = struct<ReplyEnvelope>({
  header: struct<ReplyEnvelope["header"]>({
    from: maybeReplica,
    incarnation: orEmpty(hex32),
    epoch: maybeEpoch,
    status: anyStatus,
    counter: anyUint,
  }),
  replies: few(anyReply),
});

type InstanceFields = Omit<InstanceRecord, "initPayload" | "initDeps">;
const instanceFields = struct<InstanceFields>({
  id: anyInstanceId,
  epoch: anyEpoch,
  phase: anyPhase,
  ballot: anyBallot,
  acceptedBallot: anyBallot,
  value: orNull(anyValue),
  deps: anyDeps,
  executed: fc.boolean(),
  waitingCount: anyUint,
  path: orNull(fc.constantFrom("fast" as const, "slow" as const, "recovered" as const)),
  outcomes: orNull(few(anyOutcome)),
  resubmittedAs: orNull(anyInstanceId),
});
/** Often decided as the owner chose. */
const anyInstance: fc.Arbitrary<InstanceRecord> = fc.tuple(instanceFields, initial, fc.boolean()).map(([fields, chosen, asChosen]) => {
  if (!asChosen || chosen.initDeps === null) return { ...fields, ...chosen };
  return { ...fields, ...chosen, value: structuredClone(chosen.initPayload), deps: chosen.initDeps };
});

export const anyRecord: { readonly [K in keyof Records]: fc.Arbitrary<Records[K]> } = {
  instance: anyInstance,
  index: struct({
    entries: few(struct({ id: anyInstanceId, access: fc.constantFrom("read" as const, "write" as const, "add" as const) })),
  }),
  value: anyKeyState,
  row: anyRow,
  bucket: fc.constant({ closed: true } as const),
  replica: struct<Records["replica"]>({
    clusterId: hex32,
    clusterName: anyText,
    self: anyReplicaId,
    incarnation: hex32,
    epoch: anyEpoch,
    frozen: fc.boolean(),
    reported: orNull(anySettled),
  }),
  chain: struct({ links }),
  close: struct({ epoch: anyEpoch, promised: anyBallot, accepted: orNull(struct({ ballot: anyBallot, link: anyChainLink })) }),
  progress: struct({ executed: anyFrontier, globalFloor: anyFrontier }),
  slots: struct({ next: anySlot, epoch: anyEpoch }),
  peers: struct({ seen: few(struct({ replica: anyReplicaId, counter: anyUint })) }),
  disk: struct({ incarnation: hex32 }),
  ends: struct({
    copiedIn: maybeEpoch,
    differed: orNull(struct({ epoch: anyEpoch, from: anyVoters })),
    ends: few(struct({ epoch: anyEpoch, digest: hex32 })),
  }),
};
