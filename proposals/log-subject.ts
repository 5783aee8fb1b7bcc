/** What a line of the log is about: under the same names everywhere, so that one search finds all there is of an instance or a peer. */
import { instanceName } from "../protocol/ids.ts";
import type { PeerRequest } from "../protocol/messages.ts";
import type { Epoch, InstanceId, ReplicaId } from "../protocol/types.ts";
import type { Logger } from "./ports.ts";

export type Subject = {
  readonly instance?: InstanceId | null;
  readonly epoch?: Epoch;
  readonly peer?: ReplicaId;
};

/** A child of `log`: each of its lines has `instance` (R.SLOT), `epoch` and `peer`, as far as they are given. */
export function about(log: Logger, { instance, epoch, peer }: Subject): Logger {
  const names = {
    ...(instance == null ? {} : { instance: instanceName(instance) }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(peer === undefined ? {} : { peer }),
  };
  return {
    debug: (fields, message) => log.debug({ ...names, ...fields }, message),
    info: (fields, message) => log.info({ ...names, ...fields }, message),
    warn: (fields, message) => log.warn({ ...names, ...fields }, message),
    error: (fields, message) => log.error({ ...names, ...fields }, message),
  };
}

/** For a request about one instance. */
export function instanceOf(request: PeerRequest): Pick<Subject, "instance"> {
  return "id" in request ? { instance: request.id } : {};
}
