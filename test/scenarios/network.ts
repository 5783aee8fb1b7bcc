/** Every message between the replicas, held until the script says what becomes of it. */
import { handleEnvelope } from "../../proposals/handle-message.ts";
import { type PeerAnswer, type Peers, PeerUnreachable } from "../../proposals/ports.ts";
import type { PeerReply, PeerRequest, RequestEnvelope } from "../../protocol/messages.ts";
import type { Epoch, InstanceId, ReplicaId } from "../../protocol/types.ts";
import type { Observer } from "../../sim/invariants/observer.ts";
import { short } from "../../sim/trace.ts";
import { violate, type World } from "../../sim/world.ts";
import type { Names } from "./names.ts";
import type { Node } from "./node.ts";
import { ScriptError } from "./script-error.ts";
import { replyText, requestText } from "./words.ts";

/** `sent`: on its way; `handled`: the answer is on its way; `over`: neither will arrive any more. */
export type Message = {
  readonly from: number;
  readonly to: number;
  readonly request: PeerRequest;
  readonly envelope: RequestEnvelope;
  state: "sent" | "handled" | "over";
  answer: PeerAnswer | null;
  readonly succeed: (answer: PeerAnswer) => void;
};

/** Which messages: "*" for any. `name` also as part of all messages about one instance. */
export type Filter = {
  readonly from: number | "*";
  readonly to: number | "*";
  readonly kind: string;
  readonly id: InstanceId | null;
};

export type Network = {
  peers(node: () => Node): Peers;
  readonly messages: readonly Message[];
  matching(filter: Filter, state: Message["state"]): Message[];
  /** The request arrives; the answer stays on its way. null: nobody is there, or it died of it. */
  arrive(message: Message): Promise<PeerReply | null>;
  /** The answer arrives. */
  comeBack(message: Message): Promise<void>;
  lose(message: Message): void;
  /** A copy arrives, whose answer nobody hears. */
  copy(message: Message): Promise<PeerReply | null>;
  /** Whatever is sent and matches is lost, from now on. */
  block(filter: Filter): void;
  unblock(): void;
  /** From now on everything arrives by itself, a virtual millisecond each way, unless it is blocked. */
  open(): void;
  describe(state: Message["state"]): string;
};

/** What has just become of a message; `lost` of its answer too. */
export type MessageEvent = {
  readonly what: "sent" | "arrived" | "answered" | "lost";
  readonly message: Message;
  readonly reply: PeerReply | null;
};

export type NetworkDeps = {
  readonly watch: (event: MessageEvent) => void;
  readonly world: World;
  readonly observer: Observer;
  readonly names: Names;
  readonly node: (site: number) => Node | null;
  readonly siteAt: (url: string) => number;
  /** Everything that can happen without a message or a timer has happened. */
  readonly rest: () => Promise<void>;
};

export function createNetwork(deps: NetworkDeps): Network {
  const { world, observer, names, rest, watch } = deps;
  const messages: Message[] = [];
  let blocks: Filter[] = [];
  let isOpen = false;

  function send(from: Node, url: string, to: ReplicaId | 0, request: PeerRequest, options: Parameters<Peers["request"]>[2]) {
    return new Promise<PeerAnswer>((resolve, reject) => {
      const { timeoutMs, signal } = options;
      if (!from.alive) return;
      if (signal?.aborted === true) return reject(new PeerUnreachable("given up before it was sent"));
      const fail = (why: string) => {
        world.schedule.cancel(timer);
        signal?.removeEventListener("abort", giveUp);
        if (from.alive) reject(new PeerUnreachable(why));
      };
      const giveUp = () => fail("given up");
      const timer = world.schedule.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
      signal?.addEventListener("abort", giveUp, { once: true });
      observer.onRequest(from, request);
      const message: Message = {
        from: from.site.number,
        to: deps.siteAt(url),
        request,
        envelope: { header: headerOf(from, to), requests: [request] },
        state: "sent",
        answer: null,
        succeed(answer) {
          watch({ what: "answered", message, reply: answer.reply });
          world.schedule.cancel(timer);
          signal?.removeEventListener("abort", giveUp);
          if (from.alive) resolve(answer);
        },
      };
      if (blocks.some((filter) => matches(filter, message))) message.state = "over";
      else {
        messages.push(message);
        watch({ what: "sent", message, reply: null });
      }
      if (isOpen && message.state === "sent") goByItself(message);
    });
  }
  function goByItself(message: Message): void {
    world.schedule.after(1, () => {
      if (message.state !== "sent") return;
      message.state = "over";
      void handle(message).then((answer) => {
        if (answer !== null) world.schedule.after(1, () => message.succeed(answer));
      });
    });
  }
  async function handle(message: Message): Promise<PeerAnswer | null> {
    const node = deps.node(message.to);
    if (node === null) return null;
    try {
      const { header, replies } = await handleEnvelope(node.ctx, message.envelope);
      const [reply] = replies;
      if (!node.alive || reply === undefined) return null;
      watch({ what: "arrived", message, reply });
      observer.onReply(node, message.request, reply);
      say(message, `answers ${replyText(names, reply)}`);
      return { header, reply };
    } catch (error) {
      violate(world, "crash", `${message.to} could not answer ${short(message.request)}: ${error instanceof Error ? error.stack : error}`);
      return null;
    }
  }
  /** Its replica may die of it, and then nobody ever hears: so the answer is looked for once all is at rest. */
  async function handled(message: Message): Promise<PeerAnswer | null> {
    let answer: PeerAnswer | null = null;
    void handle(message).then((given) => {
      answer = given;
    });
    await rest();
    return answer;
  }
  const say = (message: Message, what: string) =>
    world.trace.line([], () => `  ${message.from}>${message.to} ${requestText(names, message.request)}: ${what}`);

  return {
    peers(node) {
      let addresses: ReadonlyMap<ReplicaId, string> = new Map();
      return {
        async request(to, request, options) {
          const url = addresses.get(to);
          if (url === undefined) throw new PeerUnreachable(`replica ${to} has no known address`);
          return send(node(), url, to, request, options);
        },
        requestUrl: (url, to, request, options) => send(node(), url, to, request, options),
        setAddresses(next) {
          addresses = new Map(next);
        },
      };
    },
    messages,
    matching: (filter, state) => messages.filter((message) => message.state === state && matches(filter, message)),
    async arrive(message) {
      message.state = "over";
      const answer = await handled(message);
      if (answer === null) return null;
      message.state = "handled";
      message.answer = answer;
      return answer.reply;
    },
    async comeBack(message) {
      if (message.answer === null) throw new ScriptError("that answer is not on its way");
      message.state = "over";
      message.succeed(message.answer);
      await rest();
    },
    lose(message) {
      say(message, "lost");
      message.state = "over";
      watch({ what: "lost", message, reply: message.answer?.reply ?? null });
    },
    copy: async (message) => (await handled(message))?.reply ?? null,
    block(filter) {
      blocks.push(filter);
      for (const message of messages) if (message.state === "sent" && matches(filter, message)) message.state = "over";
    },
    unblock() {
      blocks = [];
    },
    open() {
      isOpen = true;
      for (const message of messages) if (message.state === "sent") goByItself(message);
    },
    describe(state) {
      const found = messages.filter((message) => message.state === state);
      return found.map(({ from, to, request }) => `${from}>${to} ${requestText(names, request)}`).join("\n      ") || "nothing";
    },
  };
}

export function matches({ from, to, kind, id }: Filter, message: Message): boolean {
  return (
    (from === "*" || from === message.from) &&
    (to === "*" || to === message.to) &&
    (kind === "*" || kind === message.request.kind) &&
    (id === null || ("id" in message.request && message.request.id === id))
  );
}

function headerOf({ ctx }: Node, to: ReplicaId | 0): RequestEnvelope["header"] {
  const { replica } = ctx.known;
  return {
    clusterId: replica?.clusterId ?? "",
    from: (replica?.self ?? 0) as ReplicaId,
    to,
    incarnation: ctx.incarnation,
    epoch: (replica?.epoch ?? 0) as Epoch,
    counter: ctx.store.counter(),
  };
}
