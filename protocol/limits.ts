/** Every bound of the system in one place. Sizes in bytes, times in milliseconds, unless the name says otherwise. */
export const limits = {
  keyBytesMax: 1024,
  valueBytesMax: 1024 * 1024,
  requestBytesMax: 4 * 1024 * 1024,
  commandsMax: 512,
  idempotencyKeyBytesMax: 256,
  peerMessageBytesMax: 8 * 1024 * 1024,
  peerRequestsMax: 1024,
  votersMax: 9,
  membersMax: 32,
  listEntriesMax: 1000,
  /** A ballot may be above the highest seen by at most this. */
  ballotJumpMax: 2 ** 32,
  depsExplicitMax: 100_000,
  /** Of a proposal at its submit: its voters' answers, which add to them, must fit into a message too. */
  submitDepsMax: 10_000,
  /** Values that one expectation may list. */
  expectValuesMax: 512,
  /** Names, addresses, messages, cursors, and a request passed on to the coordinator. */
  textBytesMax: 4 * 1024 * 1024,
  /** Elements in all lists of structures of one message: what decoding may take of memory. */
  messageElementsMax: 1024 * 1024,
  frontierMax: 8191,
  transactionTries: 64,
  slotBlock: 256,
  /** Callers that share one instance, and what their entries weigh together. */
  batchEntriesMax: 64,
  batchBytesMax: 256 * 1024,
  /** How long the next instance waits for more callers, and readers for each other: not at all in a process that is no busier than this, the most in one that always is. */
  pauseFromShare: 0.3,
  /** So many must be expected to come meanwhile. */
  pauseCompanyMin: 2,
  batchPauseMaxMs: 60,
  readPauseMaxMs: 30,
  /** Keys that readers ask for together. */
  readKeysMax: 64,
  /** How long a key counts as contested once an instance on it needed the slow path, and how many are remembered. */
  contestedMs: 2_000,
  contestedKeysMax: 10_000,
  timeoutDefaultMs: 10_000,
  timeoutMaxMs: 60_000,
  /** Of one server process: what is under way at once, and who watches. */
  inFlightMax: 4_096,
  /** A process this busy, with more than so many commands under way, which will take longer than this, takes no more in. */
  overloadFromShare: 0.7,
  overloadWaitMs: 500,
  inFlightMin: 256,
  watchersMax: 1_000,
  /** A request that takes longer has a line in the log. */
  slowRequestMs: 1_000,
  /** Executed changes that a replica keeps for watchers and learners: so many, or so many bytes of them, whichever is less. */
  changesKept: 1_000_000,
  changesBytesKept: 256 * 1024 * 1024,
  /** What is read at once for one watcher, and how long it may leave that unread before its stream is cut. */
  watchPageBytes: 1024 * 1024,
  watchSlowMs: 30_000,
  /** Connections to one peer, and messages on their way to it before further requests wait to share one. */
  peerConnectionsMax: 128,
  peerEnvelopesMax: 96,
  /** How long a commit that nobody is known to wait for may be kept back to share a message. */
  commitWaitMs: 5,
  pageEntriesMax: 500,
  pageBytesMax: 4 * 1024 * 1024,
  /** How long a peer that did not answer is left before it is asked again, and one that is not in the epoch yet. */
  askAgainMsMax: 1_000,
  notYetMsMax: 200,
  /** A peer not heard from for this long is suspected. */
  suspectMs: 1_500,
  /** Without a quorum heard from for this long, nothing new is proposed. */
  quorumLostMs: 3_000,
  /** Lower bound of the time an undecided instance is left to its owner. */
  recoverAfterMs: 300,
  /** The same while the owner answers: it works on it, however slowly, and a recovery would undo that. */
  ownerPatienceMs: 2_000,
  recoverBackoffMsMax: 8_000,
  /** Lower bound of a turn in which one voter alone recovers what the end of an epoch leaves undecided. */
  drainTurnMs: 100,
  /** How often a drain looks anew, and how long it asks one peer before it asks the next. */
  drainEveryMs: 50,
  drainPeerMs: 500,
  /** Digests of epochs' ends that are kept for who asks late. */
  epochEndsKept: 64,
  /** How long a voter that is not done with its drain keeps such a question, how often it looks, and how long all of the voters are waited for. */
  epochEndWaitMs: 500,
  epochEndLookMs: 10,
  epochEndPatienceMs: 5_000,
  /** A drain may take long; what is asked beside it ends with it. */
  epochEndAskedMs: 3_600_000,
  /** How often a process of a replica that has to copy anew asks its workflow for it. */
  copyAnewEveryMs: 30_000,
  recoveriesMax: 64,
  /** Of one process, where the owner answers. */
  recoveriesOfLivingMax: 8,
  executeBatchMax: 512,
  /** Instances whose execution is tried in one transaction. */
  executeRootsMax: 32,
  /** Slots of one column that are loaded together for a search of an execution order. */
  planAheadMax: 128,
  /** Instances one search for an execution order may visit. */
  visitMax: 100_000,
  /** Open instances one look of the sweep takes in. */
  openScanMax: 20_000,
  progressPageMax: 128,
  downloadTimeoutMs: 10_000,
  /** Pages of missing instances that one look at one peer asks for without success. */
  downloadsInVainMax: 4,
  snapshotPageEntries: 4_000,
  snapshotChangesEntries: 2_000,
  commitTries: 6,
  readRounds: 4,
  catchUpEveryMs: 500,
  /** Instances committed in one transaction while catching up. */
  catchUpBatch: 32,
  frozenCheckMs: 250,
  bucketsEveryMs: 60_000,
  pruneEveryMs: 500,
  /** How long a decided instance stays readable after every member has executed it: no caller waits longer for one. */
  keepDecidedMs: 60_000,
  /** Instances dropped in one transaction, and how many of those one step makes for one column. */
  prunePage: 16,
  prunePagesMax: 64,
  /** So many slots without a record in a row: everything below was dropped. */
  pruneGapMax: 4_096,
  /** How long an idempotency key counts at least. */
  idempotencyHours: 24,
  optimisticReadMs: 1_000,
  optimisticKeysMax: 100_000,
  syncEveryMs: 500,
  /** How often the peers' counters are written down. */
  savePeersEveryMs: 5_000,
  sweepEveryMs: 250,
  progressEveryMs: 50,
  peerTimeoutMs: 2_000,
  frozenTakeoverMs: 5_000,
} as const;
