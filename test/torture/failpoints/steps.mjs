// Where a server can be made to end. `call`: what is run there, in the words of the code around it; `before` or `after` a text that
// is in the module exactly once.
const step = (name) => `epoxyFailpoint(${JSON.stringify(name)});`;
/** After what became runnable with it: the messages are out by then. */
const soon = (name) => `setTimeout(() => epoxyFailpoint(${name}), 1);`;

export const places = [
  { file: "submit", before: "return { own: { ...slot,", call: step("submitted") },
  { file: "gather", after: "void ask(to);", call: soon('input.request.kind + " sent"') },
  { file: "handle-message", before: "const { reply, executed } = await", call: 'epoxyFailpoint(request.kind + " received");' },
  { file: "handle-message", before: "// What follows a commit is no business", call: 'epoxyFailpoint(request.kind + " written");' },
  { file: "lead", before: "const accepted = await ctx.store.transact", call: step("slow path concluded") },
  { file: "lead", after: 'if (accepted.kind === "lost")\n        return;', call: step("accepted by its owner") },
  { file: "lead", before: 'if (result?.kind === "slow")', call: 'if (result?.kind === "slow") epoxyFailpoint("accept quorum reached");' },
  { file: "lead", before: 'ctx.meter.count("epoxy_commits_total"', call: step("commit written, nobody told") },
  { file: "lead", before: "await afterExecution(ctx, at.id, executed);", call: soon('"commit told, caller not answered"') },
  { file: "execute", before: "switch (result.kind) {", call: step("executed, nothing noted") },
  { file: "recover", before: "const { voters, need } = votersOf(ctx, started.epoch);", call: step("recovery begun") },
  { file: "recover", before: "const result = await gatherOnce(ctx, {\n        to: asked.quorum", call: step("recovery validates") },
  { file: "recover", before: 'return ended ?? { kind: "gaveUp", above: null };', call: step("recovery accepted") },
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
