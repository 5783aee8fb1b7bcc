/** One message and record of every kind, with every kind of command and result in them. Their bytes are in test/vectors. */
import { instanceId } from "../../protocol/ids.ts";
import type { PeerReply, PeerRequest, ReplyHeader, RequestHeader, SyncState } from "../../protocol/messages.ts";
import type {
  Ballot,
  ChainLink,
  Change,
  Command,
  Deps,
  EntryOutcome,
  Epoch,
  Footprint,
  Frontier,
  Idempotency,
  InstanceRecord,
  Key,
  Payload,
  Records,
  ReplicaId,
  Slot,
  Write,
} from "../../protocol/types.ts";

const r = (id: number) => id as ReplicaId;
const id = (replica: number, slot: number) => instanceId(r(replica), slot as Slot);
const epoch = 3 as Epoch;
const key = "caf\u00e9\u0000\u00ff" as Key;
const bytes = (...values: number[]) => new Uint8Array(values);
const frontier: Frontier = [
  [r(1), 1000 as Slot],
  [r(2), 1 as Slot],
  [r(8191), (2 ** 40 - 1) as Slot],
];
const deps: Deps = { floor: frontier, explicit: [id(1, 1001), id(1, 1009), id(2, 300), id(3, 2 ** 40 - 1)] };
const noDeps: Deps = { floor: [], explicit: [] };
const ballot: Ballot = { epoch, counter: 2 ** 53 - 1, replica: r(2) };
const ownBallot: Ballot = { epoch, counter: 0, replica: r(1) };
const digits16 = "00112233445566778899aabbccddeeff";
const digits32 = digits16.repeat(2);
const idempotency: Idempotency = { key: "order-\u00e9-17", fingerprint: digits32, stampMs: 1_790_000_000_123 };

const commands: Command[] = [
  { kind: "set", key, value: bytes(0, 1, 255) },
  { kind: "set", key: "" as Key, value: null },
  { kind: "checkAndSet", key, expect: { kind: "oneOf", values: [null, bytes(), bytes(7)] }, newValue: bytes(9) },
  { kind: "checkAndSet", key, expect: { kind: "version", version: 2 ** 53 - 1 }, newValue: null },
  { kind: "delete", key },
  { kind: "add", key, delta: -(2n ** 63n) },
  { kind: "add", key, delta: 2n ** 63n - 1n },
  { kind: "get", key },
  {
    kind: "txn",
    checks: [
      { key, expect: { kind: "version", version: 0 } },
      { key, expect: { kind: "oneOf", values: [bytes(1)] } },
    ],
    commands: [
      { kind: "get", key },
      { kind: "add", key, delta: 0n },
    ],
  },
  { kind: "closeBucket", hour: 497_222, bucket: 255 },
];
const payload: Payload = {
  seq: 1_790_000_000_000,
  entries: [
    { commands, idempotency: null },
    { commands: [{ kind: "get", key }], idempotency },
  ],
};
const small: Payload = { seq: 0, entries: [{ commands: [{ kind: "delete", key }], idempotency: null }] };

const results: EntryOutcome = {
  kind: "results",
  results: [
    { kind: "written", version: 128 },
    { kind: "value", value: null, version: 0 },
    { kind: "value", value: bytes(1, 2), version: 2 },
    { kind: "added" },
    {
      kind: "txn",
      results: [{ kind: "written", version: 1 }, { kind: "added" }, { kind: "expectedValueDoesNotMatch", current: null, version: 5 }],
    },
    { kind: "expectedValueDoesNotMatch", current: bytes(3), version: 9 },
    { kind: "checkFailed", failed: 1, current: null, version: 0 },
    { kind: "notACounter" },
    { kind: "bucketClosed" },
  ],
};
const outcomes: EntryOutcome[] = [results, { kind: "idempotencyKeyReused" }, { kind: "idempotencyKeyExpired" }];
const row: Records["row"] = { fingerprint: digits32, stampMs: 1_790_000_000_123, instance: id(2, 5), outcome: results };
const writes: Write[] = [
  { kind: "value", id: key, record: { value: bytes(1), version: 4 } },
  { kind: "value", id: key, record: { value: null, version: 5 } },
  { kind: "value", id: key, record: null },
  { kind: "row", id: "order-17", record: row },
  { kind: "row", id: "order-17", record: null },
  { kind: "bucket", id: "497222.17", record: { closed: true } },
  { kind: "bucket", id: "497222.0", record: null },
];
const change: Change = { instance: id(1, 9), writes };

const link: ChainLink = {
  epoch,
  voters: [r(1), r(2), r(300)],
  settled: { frontier, listed: [id(3, 9), id(1, 2)] },
  members: {
    coordinator: r(1),
    nextId: r(301),
    members: [
      { id: r(1), name: "dc-1", peerUrl: "http://a:1", apiUrl: "http://a:2", voter: true, incarnation: digits16, leaving: false },
      { id: r(300), name: "Z\u00fcrich", peerUrl: "", apiUrl: "", voter: false, incarnation: null, leaving: true },
    ],
    removed: [r(2), r(7)],
  },
  previousHash: digits32,
  hash: digits32,
};
const firstLink: ChainLink = { ...link, epoch: 1 as Epoch, voters: [r(1)], settled: { frontier: [], listed: [] }, previousHash: "" };
const sync: SyncState = {
  executed: frontier,
  advertisedFloor: [],
  wallMs: 1_790_000_000_123,
  seenCounter: 77,
  seenIncarnation: "",
  chainEpoch: 0,
  digest: digits16,
};

export const requestHeader: RequestHeader = { clusterId: digits16, from: r(1), to: r(2), incarnation: digits16, epoch, counter: 1234 };
/** Of a replica without identity. */
export const newcomerHeader: RequestHeader = { clusterId: "", from: r(0), to: 0, incarnation: "", epoch: 0 as Epoch, counter: 0 };
export const replyHeader: ReplyHeader = { from: r(2), incarnation: digits16, epoch, status: "learning", counter: 5 };

export const requestExamples: { readonly [K in PeerRequest["kind"]]: PeerRequest & { readonly kind: K } } = {
  preAccept: { kind: "preAccept", epoch, id: id(1, 1010), payload, deps },
  accept: { kind: "accept", epoch, id: id(1, 1010), ballot, value: "nop", deps: noDeps },
  commit: { kind: "commit", epoch, id: id(1, 1010), value: small, deps },
  recover: { kind: "recover", epoch, id: id(1, 1010), ballot },
  validate: { kind: "validate", epoch, id: id(1, 1010), ballot, payload: small, deps },
  waiting: { kind: "waiting", epoch, id: id(1, 1010), count: 2 },
  readIndex: { kind: "readIndex", epoch, footprints: ["k", `k${key}`, "iorder-17", "b497222.17"] as Footprint[] },
  sync: { kind: "sync", ...sync },
  downloadInstances: { kind: "downloadInstances", ranges: [{ replica: r(3), from: 1, to: 2 ** 40 - 1 }] },
  kvGet: { kind: "kvGet", key },
  healthCheck: { kind: "healthCheck" },
  beginLearning: { kind: "beginLearning", learnId: "learn-1", clusterName: "default", links: [firstLink, link], sources: [r(1), r(2)] },
  abortLearning: { kind: "abortLearning", learnId: "learn-1" },
  updateReplicaStatus: { kind: "updateReplicaStatus", replica: r(4), status: "active", learnId: "learn-1" },
  coordinatorRequest: { kind: "coordinatorRequest", name: "addReplica", argument: '{"name":"dc-4"}' },
  updateConfig: { kind: "updateConfig", links: [link] },
  fetchConfig: { kind: "fetchConfig", afterEpoch: 0 },
  freeze: { kind: "freeze", epoch },
  closePrepare: { kind: "closePrepare", epoch, ballot },
  closeAccept: { kind: "closeAccept", epoch, ballot, link },
  snapshotPage: { kind: "snapshotPage", cursor: `v${key}` },
  snapshotChanges: { kind: "snapshotChanges", after: "1790000000000-3" },
};

export const replyExamples: { readonly [K in PeerReply["kind"]]: PeerReply & { readonly kind: K } } = {
  preAcceptOk: { kind: "preAcceptOk", id: id(1, 1010), deps },
  acceptOk: { kind: "acceptOk", id: id(1, 1010), ballot: ownBallot },
  recoverOk: {
    kind: "recoverOk",
    id: id(1, 1010),
    ballot,
    phase: "preaccepted",
    acceptedBallot: ownBallot,
    value: payload,
    deps,
    initPayload: payload,
    initDeps: deps,
  },
  validateOk: { kind: "validateOk", id: id(1, 1010), ballot, conflicts: [{ id: id(2, 301), committed: true }] },
  committed: { kind: "committed", id: id(1, 1010), value: "nop", deps: noDeps },
  settled: { kind: "settled", id: id(1, 1) },
  nack: { kind: "nack", id: id(1, 1010), ballot },
  ok: { kind: "ok" },
  staleEpoch: { kind: "staleEpoch", links: [link] },
  frozen: { kind: "frozen", epoch },
  notVoting: { kind: "notVoting", epoch: 0, status: "joining" },
  readIndexOk: { kind: "readIndexOk", ids: [id(2, 300), id(1, 1010)], hasAdders: true, globalFloor: frontier },
  syncOk: { kind: "syncOk", ...sync, seenIncarnation: digits16, chainEpoch: epoch },
  instances: { kind: "instances", instances: [{ id: id(1, 1010), epoch, value: small, deps }] },
  kvValue: { kind: "kvValue", value: bytes(0), version: 200 },
  healthOk: { kind: "healthOk", clusterId: "", replica: 0, incarnation: digits16, status: "joining", build: "0.1.0" },
  coordinatorReply: { kind: "coordinatorReply", generation: 4, id: 0 },
  config: { kind: "config", links: [firstLink] },
  freezeOk: { kind: "freezeOk", reported: link.settled },
  closePromise: { kind: "closePromise", accepted: { ballot, link } },
  closeAccepted: { kind: "closeAccepted" },
  closeNack: { kind: "closeNack", ballot },
  snapshotRecords: { kind: "snapshotRecords", writes, cursor: null },
  snapshotChangesOk: {
    kind: "snapshotChangesOk",
    changes: [change],
    position: "1790000000000-4",
    executed: { prefix: frontier, listed: [id(1, 1010)] },
  },
  refused: { kind: "refused", code: "notReady", message: "joining" },
};

const instance: InstanceRecord = {
  id: id(1, 1010),
  epoch,
  phase: "committed",
  ballot: ownBallot,
  acceptedBallot: ownBallot,
  value: payload,
  deps,
  initPayload: payload,
  initDeps: deps,
  executed: true,
  waitingCount: 0,
  path: "fast",
  outcomes,
  resubmittedAs: null,
};

export const recordExamples: { readonly [K in keyof Records]: readonly Records[K][] } = {
  instance: [
    instance,
    {
      ...instance,
      phase: "initial",
      ballot,
      value: null,
      deps: noDeps,
      initPayload: null,
      initDeps: null,
      executed: false,
      path: null,
      outcomes: null,
    },
    { ...instance, value: "nop", deps: noDeps, waitingCount: 3, path: "recovered", resubmittedAs: id(1, 1011) },
    { ...instance, phase: "accepted", value: small, path: "slow" },
  ],
  index: [
    { entries: [] },
    {
      entries: [
        { id: id(1, 5), access: "read" },
        { id: id(1, 6), access: "write" },
        { id: id(2, 1), access: "add" },
      ],
    },
  ],
  value: [
    { value: bytes(1, 2, 3), version: 7 },
    { value: null, version: 8 },
  ],
  row: [row],
  bucket: [{ closed: true }],
  replica: [
    { clusterId: digits16, clusterName: "default", self: r(1), incarnation: digits16, epoch, frozen: false, reported: null },
    { clusterId: digits16, clusterName: "default", self: r(1), incarnation: digits16, epoch, frozen: true, reported: link.settled },
  ],
  chain: [{ links: [firstLink, link] }],
  close: [
    { epoch, promised: { epoch, counter: 0, replica: r(0) }, accepted: null },
    { epoch, promised: ballot, accepted: { ballot, link } },
  ],
  progress: [{ executed: frontier, globalFloor: [] }],
  slots: [{ next: 257 as Slot, epoch }],
  peers: [{ seen: [{ replica: r(2), counter: 99 }] }],
  disk: [{ incarnation: digits16 }],
  ends: [
    { copiedIn: 0, differed: null, ends: [] },
    {
      copiedIn: 3 as Epoch,
      differed: { epoch: 3 as Epoch, from: [1 as ReplicaId, 2 as ReplicaId] },
      ends: [{ epoch: 3 as Epoch, digest: digits16 }],
    },
  ],
};

export const changeExample = change;
