/** How long each list of the schemas may be. A list without a bound here does not compile. */
import { limits } from "../limits.ts";

/** Bounded by the bytes and elements of a message alone. */
const UNBOUNDED = limits.messageElementsMax;

export const bounds = {
  ExpectedValues: limits.expectValuesMax,
  SimpleCommands: limits.commandsMax,
  Checks: limits.commandsMax,
  Commands: limits.commandsMax,
  Entries: UNBOUNDED,
  SimpleResults: limits.commandsMax,
  CommandResults: limits.commandsMax,
  StateWrites: UNBOUNDED,
  ReplicaIds: limits.frontierMax,
  MemberList: limits.membersMax,
  ChainLinks: UNBOUNDED,
  Footprints: UNBOUNDED,
  SlotRanges: UNBOUNDED,
  ValidateConflicts: UNBOUNDED,
  CommittedInstances: UNBOUNDED,
  Changes: UNBOUNDED,
  Requests: limits.peerRequestsMax,
  Replies: limits.peerRequestsMax,
  EntryOutcomes: UNBOUNDED,
  IndexEntries: UNBOUNDED,
  SeenCounters: limits.frontierMax,
  EpochEnds: limits.epochEndsKept,
} as const;
