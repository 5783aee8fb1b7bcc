import { bucketName, bucketOf, footprints, stampHour } from "../protocol/conflict.ts";
import { instanceName } from "../protocol/ids.ts";
import type { InstanceId, Payload, Value } from "../protocol/types.ts";
import type { RecordRef } from "./ports.ts";

/** Records that registering this payload under this id looks at: asked for together, a step runs twice instead of once a record. */
export function touchedByRegistering(id: InstanceId, payload: Payload): RecordRef[] {
  const refs: RecordRef[] = [{ kind: "instance", id: instanceName(id) }];
  for (const footprint of footprints(payload).keys()) refs.push({ kind: "index", id: footprint });
  return refs;
}

/** Records that executing this value looks at and changes. */
export function touchedByExecuting(value: Value | null): RecordRef[] {
  if (value === null || value === "nop") return [];
  const refs: RecordRef[] = [];
  for (const { commands, idempotency } of value.entries) {
    for (const command of commands) {
      if (command.kind === "closeBucket") refs.push({ kind: "bucket", id: bucketName(command.hour, command.bucket) });
      else if (command.kind === "txn")
        for (const { key } of [...command.checks, ...command.commands]) refs.push({ kind: "value", id: key });
      else refs.push({ kind: "value", id: command.key });
    }
    if (idempotency !== null) {
      refs.push({ kind: "row", id: idempotency.key });
      refs.push({ kind: "bucket", id: bucketName(stampHour(idempotency.stampMs), bucketOf(idempotency.key)) });
    }
  }
  return refs;
}
