// Where a server or a worker can be made to end. `call`: what is run there, in the words of the code around it; `before` or `after` a text that
// is in the module exactly once.
const step = (name) => `epoxyFailpoint(${JSON.stringify(name)});`;
/** After what became runnable with it: the messages are out by then. */
const soon = (name) => `setTimeout(() => epoxyFailpoint(${name}), 1);`;
/** Before a call that is the whole of an arrow function. */
const ask = (name) => `epoxyFailpoint(${JSON.stringify(name)}) ??`;

export const places = [
  { file: "proposals/submit", before: "return { own: { id,", call: step("submitted") },
  { file: "proposals/gather", after: "void ask(to);", call: soon('input.request.kind + " sent"') },
  { file: "proposals/handle-message", before: "const { reply, executed } = await", call: 'epoxyFailpoint(request.kind + " received");' },
  {
    file: "proposals/handle-message",
    before: "// What follows a commit is no business",
    call: 'epoxyFailpoint(request.kind + " written");',
  },
  { file: "proposals/lead", before: "const accepted = await ctx.store.transact", call: step("slow path concluded") },
  { file: "proposals/lead", after: 'if (accepted.kind === "lost")\n        return;', call: step("accepted by its owner") },
  {
    file: "proposals/lead",
    before: 'if (result?.kind === "slow")',
    call: 'if (result?.kind === "slow") epoxyFailpoint("accept quorum reached");',
  },
  { file: "proposals/lead", before: 'ctx.meter.count("epoxy_commits_total"', call: step("commit written, nobody told") },
  { file: "proposals/lead", before: "await afterExecution(ctx, at.id, executed);", call: soon('"commit told, caller not answered"') },
  { file: "proposals/execute", before: "switch (result.kind) {", call: step("executed, nothing noted") },
  { file: "proposals/recover", before: "const { voters, need } = votersOf(ctx, started.epoch);", call: step("recovery begun") },
  {
    file: "proposals/recover",
    before: "const result = await gatherOnce(ctx, {\n        to: asked.quorum",
    call: step("recovery validates"),
  },
  { file: "proposals/recover", before: 'return ended ?? { kind: "gaveUp", above: null };', call: step("recovery accepted") },
  { file: "activities/membership", before: "const found = await askHealth", call: step("health check begun") },
  {
    file: "activities/membership",
    before: 'about(log, { peer: member.id }).info({ datacenter: member.name }, "a replica was admitted")',
    call: step("admitted, not reported"),
  },
  { file: "activities/learning", before: "replica.beginLearning({", call: ask("asked to learn") },
  { file: "activities/learning", before: "const page = await replica.learnPage", call: step("a page is asked for") },
  { file: "activities/learning", before: "replica.reportStatus(input)", call: ask("learned, not reported") },
  {
    file: "activities/membership",
    before: 'about(log, { peer: replicaId(input.id) }).info({}, "a replica was dropped")',
    call: step("dropped, not reported"),
  },
  { file: "activities/voters", before: "const members = await replica.changeMembers", call: step("change of voters begun") },
  { file: "proposals/reconfigure", before: "const settled = await freezeQuorum", call: step("before freeze") },
  { file: "proposals/reconfigure", before: 'onPhase("closing");', call: step("after freeze") },
  { file: "proposals/reconfigure", before: "await learnChain(ctx, [decided]);", call: step("after close") },
  { file: "proposals/voter-duties", before: "await settleRest(ctx);", call: step("before drain") },
  {
    file: "proposals/voter-duties",
    before: "const reply = await ctx.store.transact((tx) => {\n            if (!isStillIn(tx, epoch))",
    call: step("after drain"),
  },
  { file: "proposals/voter-duties", before: "about(ctx.log, { epoch: reply.epoch }).info({ drainedMs", call: step("after activate") },
  {
    file: "activities/voters",
    before: "about(log, { epoch }).info({ voters: wanted, stepsMs",
    call: step("live, not reported"),
  },
];

/** Every name that a server can be told to end at. */
export const steps = [
  "submitted",
  "preAccept sent",
  "preAccept received",
  "preAccept written",
  "slow path concluded",
  "accepted by its owner",
  "accept sent",
  "accept received",
  "accept written",
  "accept quorum reached",
  "commit written, nobody told",
  "commit told, caller not answered",
  "commit received",
  "commit written",
  "executed, nothing noted",
  "recovery begun",
  "recover received",
  "recover written",
  "validate received",
  "recovery accepted",
];

/** Where whoever changes the voters can be told to end, in their order: just before and just after each of its steps, and in them. */
export const driverSteps = [
  "change of voters begun",
  "before freeze",
  "freeze sent",
  "after freeze",
  "closePrepare sent",
  "closeAccept sent",
  "after close",
  "before drain",
  "after drain",
  "after activate",
  "live, not reported",
];

/** What a datacenter takes to join and to leave, before and after its change of voters, in their order; by whose worker. */
export const memberSteps = [
  { at: "health check begun", by: "coordinator", when: "joining" },
  { at: "admitted, not reported", by: "coordinator", when: "joining" },
  { at: "asked to learn", by: "coordinator", when: "joining" },
  { at: "a page is asked for", by: "newcomer", when: "joining" },
  { at: "learned, not reported", by: "newcomer", when: "joining" },
  { at: "dropped, not reported", by: "coordinator", when: "leaving" },
];
