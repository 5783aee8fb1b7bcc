/**
 * The state that is left when all of K is executed and nothing after it: at the end of an epoch, and at the cut of a copy. Who has
 * the same is told by its digest. spec/RECONFIGURE.md steps 3b and 10a.
 */
import { limits } from "./limits.ts";
import { thresholds } from "./quorum.ts";
import type { EndsRecord, Epoch, ReplicaId } from "./types.ts";

/** A replica that began with the cluster, or whose copy was complete before there were such records. */
const NOTHING_KEPT: EndsRecord = { copiedIn: 0, differed: null, ends: [] };
/** How the name of a learning begins that takes the place of a copy which was not what the old voters have. */
export const copyAnew = "copy anew";
const DIGEST = /^[0-9a-f]{32}$/;

/** Asks a source of changes for the digest at the end of this epoch, in place of a position. A build that does not know it refuses. */
export function endPosition(epoch: Epoch): string {
  return `end of epoch ${epoch}`;
}

export function parseEndPosition(position: string): Epoch | null {
  const match = /^end of epoch ([1-9]\d{0,14})$/.exec(position);
  return match === null ? null : (Number(match[1]) as Epoch);
}

/** null: it is none. */
export function asDigest(text: string): string | null {
  return DIGEST.test(text) ? text : null;
}

/** A source's state at one position of its changes. */
export type Standing = {
  readonly position: string;
  readonly digest: string;
  /** Replicated records: values, and what idempotency needs, which the digest has not. null: not known. */
  readonly records: number | null;
};

/** The position with which a copy ends: nobody goes on from it, so what the source holds there stands beside it. */
export function cutPosition({ position, digest, records }: Standing): string {
  return `${position} ${digest} ${records ?? "-"}`;
}

/** null: the source is of a build that does not tell. */
export function parseCutPosition(text: string): Standing | null {
  const [position = "", digest = "", records = ""] = text.split(" ");
  if (asDigest(digest) === null || !/^(-|\d{1,15})$/.test(records)) return null;
  return { position, digest, records: records === "-" ? null : Number(records) };
}

/** What a complete copy lacks of its source, in words; null: nothing. A source may have dropped rows since they were copied. */
export function copyDiffers(own: Omit<Standing, "position">, source: Omit<Standing, "position">): string | null {
  if (own.digest !== source.digest) return "its keys, values or versions";
  if (own.records === null || source.records === null) return null;
  return own.records < source.records ? `${source.records - own.records} of ${source.records} records` : null;
}

/** With the digest at the end of one more epoch. One that the copy may have begun after has none here. */
export function withEnd(record: EndsRecord | null, epoch: Epoch, digest: string): EndsRecord {
  const kept = record ?? NOTHING_KEPT;
  if (epoch < kept.copiedIn) return kept;
  const others = kept.ends.filter((end) => end.epoch !== epoch);
  return { ...kept, ends: [...others, { epoch, digest }].sort((a, b) => a.epoch - b.epoch).slice(-limits.epochEndsKept) };
}

export function endOf(record: EndsRecord | null, epoch: Epoch): string | null {
  return record?.ends.find((end) => end.epoch === epoch)?.digest ?? null;
}

/** Whether this state stands exactly at the end of this epoch once all of its K is executed here. */
export function standsAtEnd(record: EndsRecord | null, epoch: number): boolean {
  return epoch > 0 && epoch >= (record?.copiedIn ?? 0);
}

export type EndJudgement =
  | { readonly kind: "same" }
  /** These voters agree on something else. */
  | { readonly kind: "differs"; readonly from: readonly ReplicaId[] }
  /** Nobody can tell. */
  | { readonly kind: "unknown" }
  /** Not yet. */
  | { readonly kind: "open" };

/**
 * What a newcomer may think of its own digest by what the epoch's voters told. A slow quorum of them settles it; without one,
 * and with nobody else to wait for, to agree with one of them is enough: they are who votes on anyway.
 *
 * @param input.told a digest, or null of one who cannot tell
 * @param input.isLast whoever has not told by now will not
 */
export function judgeEnd(input: {
  readonly voters: readonly ReplicaId[];
  readonly own: string;
  readonly told: ReadonlyMap<ReplicaId, string | null>;
  readonly isLast: boolean;
}): EndJudgement {
  const { voters, own, told } = input;
  const groups = new Map<string, ReplicaId[]>();
  for (const id of voters) {
    const digest = told.get(id) ?? null;
    if (digest !== null) groups.set(digest, [...(groups.get(digest) ?? []), id]);
  }
  const { slow } = thresholds(voters.length);
  const same = groups.get(own) ?? [];
  groups.delete(own);
  const others = [...groups.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  if (same.length >= slow) return { kind: "same" };
  if (others.length >= slow) return { kind: "differs", from: others };
  if (!input.isLast && voters.some((id) => !told.has(id))) return { kind: "open" };
  if (same.length > 0) return { kind: "same" };
  return others.length > 0 ? { kind: "differs", from: others } : { kind: "unknown" };
}
