/** Which commands conflict: consensus section 2 (Keys) and section 9 (commuting, idempotency). */
import { unreachable } from "./assert.ts";
import type { Access, Command, Footprint, Key, Payload } from "./types.ts";

/** Milliseconds of one idempotency bucket, and buckets an hour. */
export const BUCKET_MS = 3_600_000;
export const BUCKETS_PER_HOUR = 256;

/** The whole relation; symmetric. */
const CONFLICTS: Readonly<Record<Access, Readonly<Record<Access, boolean>>>> = {
  read: { read: false, write: true, add: true },
  write: { read: true, write: true, add: true },
  add: { read: true, write: true, add: false },
};

export function accessesConflict(a: Access, b: Access): boolean {
  return CONFLICTS[a][b];
}

export function keyFootprint(key: Key): Footprint {
  return `k${key}` as Footprint;
}

export function idempotencyFootprint(key: string): Footprint {
  return `i${key}` as Footprint;
}

export function bucketFootprint(hour: number, bucket: number): Footprint {
  return `b${bucketName(hour, bucket)}` as Footprint;
}

/** `HOUR.BUCKET`, the id of a bucket's record. */
export function bucketName(hour: number, bucket: number): string {
  return `${hour}.${bucket}`;
}

export function stampHour(stampMs: number): number {
  return Math.floor(stampMs / BUCKET_MS);
}

/** FNV-1a of the idempotency key, modulo the buckets of an hour: the same on every replica for ever. */
export function bucketOf(idempotencyKey: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < idempotencyKey.length; i++) hash = Math.imul(hash ^ idempotencyKey.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % BUCKETS_PER_HOUR;
}

/** Everything a payload touches and how; the strongest access where it touches one footprint in several ways. */
export function footprints(payload: Payload): ReadonlyMap<Footprint, Access> {
  const found = new Map<Footprint, Access>();
  const touch = (footprint: Footprint, access: Access) => {
    const before = found.get(footprint);
    found.set(footprint, before === undefined || before === access ? access : "write");
  };
  for (const entry of payload.entries) {
    for (const command of entry.commands) touchCommand(command, touch);
    if (entry.idempotency !== null) {
      const { key, stampMs } = entry.idempotency;
      touch(idempotencyFootprint(key), "write");
      touch(bucketFootprint(stampHour(stampMs), bucketOf(key)), "add");
    }
  }
  return found;
}

function touchCommand(command: Command, touch: (footprint: Footprint, access: Access) => void): void {
  switch (command.kind) {
    case "set":
    case "checkAndSet":
    case "delete":
      return touch(keyFootprint(command.key), "write");
    case "add":
      return touch(keyFootprint(command.key), "add");
    case "get":
      return touch(keyFootprint(command.key), "read");
    case "txn": {
      for (const { key } of command.checks) touch(keyFootprint(key), "read");
      // An add inside a transaction is conditional on its checks, so it does not commute: a write of its key.
      for (const inner of command.commands) touch(keyFootprint(inner.key), inner.kind === "get" ? "read" : "write");
      return;
    }
    case "closeBucket":
      return touch(bucketFootprint(command.hour, command.bucket), "write");
    default:
      return unreachable(command);
  }
}

/** Symmetric: neither order of two conflicting payloads may be left open. */
export function payloadsConflict(a: Payload, b: Payload): boolean {
  const touched = footprints(b);
  for (const [footprint, access] of footprints(a)) {
    const other = touched.get(footprint);
    if (other !== undefined && accessesConflict(access, other)) return true;
  }
  return false;
}
