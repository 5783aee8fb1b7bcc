/** Instances have names in a script: the one that its proposal was given, or R.SLOT. */
import { instanceName, parseInstanceName } from "../../protocol/ids.ts";
import type { InstanceId } from "../../protocol/types.ts";
import { ScriptError } from "./script-error.ts";

export type Names = {
  bind(name: string, id: InstanceId): void;
  /** @throws ScriptError for a name that nothing was proposed under, or of which nothing is durable yet */
  idOf(name: string): InstanceId;
  nameOf(id: InstanceId): string;
  isBound(id: InstanceId): boolean;
};

export function createNames(): Names {
  const ids = new Map<string, InstanceId>();
  const names = new Map<InstanceId, string>();
  return {
    bind(name, id) {
      ids.set(name, id);
      // Callers who come together share an instance: it is called after the first.
      if (!names.has(id)) names.set(id, name);
    },
    idOf(name) {
      const id = ids.get(name) ?? parseInstanceName(name);
      if (id === null) throw new ScriptError(`no instance is called "${name}": known are ${[...ids.keys()].join(", ") || "none"}`);
      return id;
    },
    nameOf: (id) => names.get(id) ?? instanceName(id),
    isBound: (id) => names.has(id),
  };
}
