/** Lines about who votes: newcomers, freezing, closing, activating. */
import { learnPage } from "../../proposals/learn.ts";
import { changeMembers } from "../../proposals/membership.ts";
import type { Peers } from "../../proposals/ports.ts";
import { changeVoters, closeEpoch } from "../../proposals/reconfigure.ts";
import { loadIdentity } from "../../proposals/voter-duties.ts";
import type { Member, ReplicaId } from "../../protocol/types.ts";
import { finish } from "./finish.ts";
import type { Form } from "./script.ts";
import type { Stage } from "./stage.ts";
import { call, words } from "./steps.ts";

const TIMEOUT_MS = 60_000;

export const reconfigurations: readonly Form[] = [
  { pattern: /^add (\d+) by (\d+)$/, play: (stage, [newcomer, by]) => add(stage, Number(newcomer), Number(by)) },
  {
    pattern: /^copy (\d+) from (\d+)$/,
    async play(stage, [newcomer, source]) {
      for (let cursor = ""; ; ) {
        const page = await copyPage(stage, Number(newcomer), Number(source), cursor);
        if (page.done) return;
        cursor = page.cursor;
      }
    },
  },
  {
    pattern: /^copy one page (\d+) from (\d+)$/,
    async play(stage, [newcomer, source]) {
      const page = await copyPage(stage, Number(newcomer), Number(source), cursors.get(stage)?.get(newcomer as string) ?? "");
      cursors.set(stage, (cursors.get(stage) ?? new Map()).set(newcomer as string, page.cursor));
    },
  },
  {
    pattern: /^(\S+) = change (\d+): voters ((?:\d+ ?)+)$/,
    async play(stage, [name, site, voters]) {
      const node = stage.node(Number(site));
      const { ctx } = node;
      const wanted = words(voters).map((id) => Number(id) as ReplicaId);
      call(
        stage,
        name as string,
        node,
        changeVoters(ctx, wanted, { timeoutMs: TIMEOUT_MS }).then((epoch) => `epoch ${epoch}`),
      );
      await stage.rest();
    },
  },
  {
    pattern: /^(\S+) = close (\d+): voters ((?:\d+ ?)+)$/,
    async play(stage, [name, site, voters]) {
      const node = stage.node(Number(site));
      const { ctx } = node;
      const wanted = words(voters).map((id) => Number(id) as ReplicaId);
      call(
        stage,
        name as string,
        node,
        closeEpoch(ctx, wanted, ctx.clock.monotonicMs() + TIMEOUT_MS, () => {}).then(() => `epoch ${ctx.known.chain.at(-1)?.epoch}`),
      );
      await stage.rest();
    },
  },
];

const cursors = new WeakMap<Stage, Map<string, string>>();

/** Brings in a newcomer up to the point where it has its id and is to copy. Messages of the members key go by themselves. */
async function add(stage: Stage, newcomer: number, by: number): Promise<void> {
  const node = await stage.addSite(newcomer);
  const { ctx } = stage.node(by);
  const { url, apiUrl } = node.site;
  const member: Omit<Member, "id"> = {
    name: `dc-${newcomer}`,
    peerUrl: url,
    apiUrl,
    voter: true,
    incarnation: node.ctx.incarnation,
    leaving: false,
  };
  await finish(stage, () =>
    changeMembers(
      ctx,
      (now) => ({ ...now, nextId: (newcomer + 1) as ReplicaId, members: [...now.members, { ...member, id: newcomer as ReplicaId }] }),
      TIMEOUT_MS,
    ),
  );
  await loadIdentity(ctx);
  const links = ctx.known.chain;
  const request = {
    kind: "beginLearning",
    learnId: `learn-${newcomer}`,
    clusterName: "scenario",
    links,
    sources: [by as ReplicaId],
  } as const;
  await finish(stage, () => (ctx.peers as Peers).requestUrl(url, newcomer as ReplicaId, request, { timeoutMs: TIMEOUT_MS }));
}

function copyPage(stage: Stage, newcomer: number, source: number, cursor: string) {
  return finish(stage, () => learnPage(stage.node(newcomer).ctx, { source: source as ReplicaId, cursor }));
}
