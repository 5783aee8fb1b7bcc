/** Committed instances that wait for another one to be committed: who is tried again when. */
import type { InstanceId } from "../protocol/types.ts";

export type Blocked = {
  /** What is waited for -> those that wait. */
  readonly on: Map<InstanceId, Set<InstanceId>>;
  /** The other way round: each waits for one, though it may need more. */
  readonly by: Map<InstanceId, InstanceId>;
};

export function nothingBlocked(): Blocked {
  return { on: new Map(), by: new Map() };
}

/** From now on `root` is tried again when `blocker` is there, and not before. */
export function block({ on, by }: Blocked, root: InstanceId, blocker: InstanceId): void {
  unblock({ on, by }, root);
  by.set(root, blocker);
  const waiting = on.get(blocker);
  if (waiting === undefined) on.set(blocker, new Set([root]));
  else waiting.add(root);
}

/** `root` waits no more. */
export function unblock({ on, by }: Blocked, root: InstanceId): void {
  const blocker = by.get(root);
  if (blocker === undefined) return;
  by.delete(root);
  const waiting = on.get(blocker);
  waiting?.delete(root);
  if (waiting?.size === 0) on.delete(blocker);
}

/** Those that waited for this one, which wait no more. */
export function release({ on, by }: Blocked, blocker: InstanceId): InstanceId[] {
  const waiting = [...(on.get(blocker) ?? [])];
  on.delete(blocker);
  for (const root of waiting) by.delete(root);
  return waiting;
}

/** Forgets who waits for whom, so that all are tried again. */
export function releaseAll({ on, by }: Blocked): void {
  on.clear();
  by.clear();
}
