/** Stored records: one byte of format, then the record as records-v1.bare has it. The kind is known from where it is stored. */
import { assert, unreachable } from "../assert.ts";
import { sameDeps } from "../deps.ts";
import { MalformedError } from "../errors.ts";
import type { BucketState, Change, InstanceRecord, RecordKind, Records, ReplicaState, SlotsRecord, Value } from "../types.ts";
import * as bare from "./bare.ts";
import * as v1 from "./generated/records-v1.ts";
import { samePayload } from "./same-payload.ts";
import { changeFromWire, changeToWire, outcomeFromWire, outcomeToWire, rowFromWire, rowToWire } from "./v1-state.ts";
import { payloadFromWire, payloadToWire } from "./v1-values.ts";

const FORMAT = 1;

type RecordCodec<T> = { readonly write: (bc: bare.ByteCursor, record: T) => void; readonly read: (bc: bare.ByteCursor) => T };

const codecs: { readonly [K in RecordKind]: RecordCodec<Records[K]> } = {
  instance: withFormat({
    write: (bc, record) => v1.writeInstanceRecord(bc, instanceToWire(record)),
    read: (bc) => instanceFromWire(v1.readInstanceRecord(bc)),
  }),
  index: withFormat({ write: v1.writeIndexRecord, read: v1.readIndexRecord }),
  value: withFormat({ write: v1.writeKeyState, read: v1.readKeyState }),
  row: withFormat({
    write: (bc, record) => v1.writeIdempotencyRow(bc, rowToWire(record)),
    read: (bc) => rowFromWire(v1.readIdempotencyRow(bc)),
  }),
  bucket: withFormat({ write: v1.writeBucketState, read: readBucket }),
  replica: withFormat({ write: v1.writeReplicaState, read: (bc) => v1.readReplicaState(bc) as ReplicaState }),
  chain: withFormat({ write: v1.writeChainRecord, read: v1.readChainRecord }),
  close: withFormat({ write: v1.writeCloseRecord, read: v1.readCloseRecord }),
  progress: withFormat({ write: v1.writeProgress, read: v1.readProgress }),
  slots: withFormat({ write: v1.writeSlotsRecord, read: (bc) => v1.readSlotsRecord(bc) as SlotsRecord }),
  peers: withFormat({ write: v1.writePeersRecord, read: v1.readPeersRecord }),
  disk: withFormat({ write: v1.writeDiskRecord, read: v1.readDiskRecord }),
  ends: withFormat({ write: v1.writeEndsRecord, read: v1.readEndsRecord }),
};

const changes: RecordCodec<Change> = withFormat({
  write: (bc, change) => v1.writeChange(bc, changeToWire(change)),
  read: (bc) => changeFromWire(v1.readChange(bc)),
});

export function encodeRecord<K extends RecordKind>(kind: K, record: Records[K]): Uint8Array<ArrayBuffer> {
  return bare.encodeWith(codecs[kind].write, record);
}

/** @throws MalformedError for bytes that are no record of this kind in a known format */
export function decodeRecord<K extends RecordKind>(kind: K, bytes: Uint8Array): Records[K] {
  return bare.decodeWith(codecs[kind].read, bytes);
}

export function encodeChange(change: Change): Uint8Array<ArrayBuffer> {
  return bare.encodeWith(changes.write, change);
}

/** @throws MalformedError for bytes that are no change in a known format */
export function decodeChange(bytes: Uint8Array): Change {
  return bare.decodeWith(changes.read, bytes);
}

function withFormat<T>({ write, read }: RecordCodec<T>): RecordCodec<T> {
  return {
    write: (bc, record) => {
      bare.writeU8(bc, FORMAT);
      write(bc, record);
    },
    read: (bc) => {
      if (bare.readU8(bc) !== FORMAT) bare.malformed(bc, "unknown record format");
      return read(bc);
    },
  };
}

function readBucket(bc: bare.ByteCursor): BucketState {
  const { closed } = v1.readBucketState(bc);
  return closed ? { closed } : bare.malformed(bc, "a bucket that is not closed has no record");
}

function instanceFromWire(record: v1.InstanceRecord): InstanceRecord {
  const { id, epoch, phase, ballot, acceptedBallot, initial, executed, waitingCount, path, outcomes, resubmittedAs } = record;
  const initPayload = initial === null ? null : payloadFromWire(initial.payload);
  const initDeps = initial === null ? null : initial.deps;
  const deps = record.deps ?? initDeps;
  if (deps === null) throw new MalformedError("dependencies neither here nor in what the owner chose");
  return {
    id,
    epoch,
    phase,
    ballot,
    acceptedBallot,
    value: storedValue(record.value, initPayload),
    deps,
    initPayload,
    initDeps,
    executed,
    waitingCount,
    path,
    outcomes: outcomes === null ? null : outcomes.map(outcomeFromWire),
    resubmittedAs,
  };
}

function storedValue(value: v1.StoredValue, initPayload: Value | null): Value | null {
  switch (value.tag) {
    case "UnknownValue":
      return null;
    case "NopValue":
      return "nop";
    case "InitialValue":
      if (initPayload === null) throw new MalformedError("the owner's payload is not here");
      return initPayload;
    case "Payload":
      return payloadFromWire(value.val);
    default:
      return unreachable(value);
  }
}

function instanceToWire(record: InstanceRecord): v1.InstanceRecord {
  const { initPayload, initDeps, deps, outcomes } = record;
  assert((initPayload === null) === (initDeps === null), "encode: half of what the owner chose");
  return {
    id: record.id,
    epoch: record.epoch,
    phase: record.phase,
    ballot: record.ballot,
    acceptedBallot: record.acceptedBallot,
    initial: initPayload === null || initDeps === null ? null : { payload: payloadToWire(initPayload), deps: initDeps },
    value: valueToStored(record),
    deps: initDeps !== null && sameDeps(deps, initDeps) ? null : deps,
    executed: record.executed,
    waitingCount: record.waitingCount,
    path: record.path,
    outcomes: outcomes === null ? null : outcomes.map(outcomeToWire),
    resubmittedAs: record.resubmittedAs,
  };
}

/** A payload is mostly the one that the owner chose: written once then, also where the two are equal copies. */
function valueToStored({ value, initPayload }: InstanceRecord): v1.StoredValue {
  if (value === null) return { tag: "UnknownValue", val: null };
  if (value === "nop") return { tag: "NopValue", val: null };
  if (initPayload !== null && samePayload(value, initPayload)) return { tag: "InitialValue", val: null };
  return { tag: "Payload", val: payloadToWire(value) };
}
