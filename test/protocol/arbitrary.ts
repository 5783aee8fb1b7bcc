/** Random small values for properties: few replicas and slots, so that sets overlap. */
import fc from "fast-check";
import { makeDeps } from "../../protocol/deps.ts";
import { frontierOf } from "../../protocol/frontier.ts";
import { instanceId, replicaId, slot } from "../../protocol/ids.ts";
import type { Deps, Frontier, InstanceId, Key, Members, Settled } from "../../protocol/types.ts";

export const id = (replica: number, position: number): InstanceId => instanceId(replicaId(replica), slot(position));
export const key = (text: string): Key => text as Key;
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const anyId: fc.Arbitrary<InstanceId> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 8 }))
  .map(([r, s]) => id(r, s));
export const anyFrontier: fc.Arbitrary<Frontier> = fc
  .array(fc.integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 3 })
  .map((slots) => frontierOf(slots.map((position, i) => [i + 1, position] as const)));
export const anyDeps: fc.Arbitrary<Deps> = fc
  .tuple(anyFrontier, fc.array(anyId, { maxLength: 8 }))
  .map(([floor, ids]) => makeDeps(floor, ids));
export const anySettled: fc.Arbitrary<Settled> = anyDeps.map(({ floor, explicit }) => ({ frontier: floor, listed: explicit }));

/** Every id that the arbitraries above can give. */
export const allIds: readonly InstanceId[] = [1, 2, 3].flatMap((r) => [1, 2, 3, 4, 5, 6, 7, 8].map((s) => id(r, s)));

export const noMembers = { coordinator: replicaId(1), nextId: replicaId(4), members: [], removed: [] } as const satisfies Members;
