/** What a caller is told when there is no result. interface.md, "errors": whether anything of his may be durable. */
import { linkOf } from "../protocol/cluster.ts";
import { EpoxyError } from "../protocol/errors.ts";
import { instanceName } from "../protocol/ids.ts";
import type { InstanceId } from "../protocol/types.ts";
import type { Context } from "./context.ts";

/** Nothing new begins in the epoch that this replica takes part in. */
export function isClosing(ctx: Context): boolean {
  const { replica, chain } = ctx.known;
  return replica !== null && (replica.frozen || linkOf(chain, replica.epoch + 1) !== null);
}

export function nothingProposed(ctx: Context, options?: ErrorOptions): EpoxyError {
  if (isClosing(ctx)) {
    return new EpoxyError("reconfiguring", "the cluster is changing its voters and did not finish in time; nothing was proposed");
  }
  return new EpoxyError("notReady", "this replica's store did not answer in time; nothing was proposed", {}, options);
}

export function noQuorum(): EpoxyError {
  return new EpoxyError("noQuorum", "too few datacenters can be reached to decide anything; nothing was proposed");
}

export function outcomeUnknown(id: InstanceId, options?: ErrorOptions): EpoxyError {
  const instance = instanceName(id);
  const message = `instance ${instance} was proposed and is not decided yet: it may still take effect`;
  return new EpoxyError("outcomeUnknown", message, { instance }, options);
}
