import { covers, maxFrontier, sameFrontier } from "./frontier.ts";
import type { Deps, Frontier, InstanceId } from "./types.ts";

export const NO_DEPS: Deps = { floor: [], explicit: [] };

/** Normal form of a floor and any ids: sorted, once each, none at or below the floor. */
export function makeDeps(floor: Frontier, ids: Iterable<InstanceId>): Deps {
  const above = [...new Set(ids)].filter((id) => !covers(floor, id)).sort((a, b) => a - b);
  return { floor, explicit: above };
}

/** The one membership test: fast-path equality, Validate, visibility and execution all mean this (consensus section 2, M3). */
export function hasDep(deps: Deps, id: InstanceId): boolean {
  return covers(deps.floor, id) || includesId(deps.explicit, id);
}

/** Of ids in ascending order. */
export function includesId(ids: readonly InstanceId[], id: InstanceId): boolean {
  let low = 0;
  let high = ids.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = ids[middle] as InstanceId;
    if (found === id) return true;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

export function unionDeps(a: Deps, b: Deps): Deps {
  return makeDeps(maxFrontier([a.floor, b.floor]), [...a.explicit, ...b.explicit]);
}

/** Equal as sets, for two sets in normal form. */
export function sameDeps(a: Deps, b: Deps): boolean {
  return sameFrontier(a.floor, b.floor) && a.explicit.length === b.explicit.length && a.explicit.every((id, i) => id === b.explicit[i]);
}
