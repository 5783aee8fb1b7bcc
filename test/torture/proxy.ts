/**
 * Every link between two datacenters, in each direction by itself: a relay before each peer port reads whole messages, learns
 * who sent them, and delays, loses, doubles, holds back or repeats them. A reply travels on the link back.
 */
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeRequest } from "../../protocol/wire/versioned.ts";
import type { Dice } from "../../sim/random.ts";

export type Weather = {
  /** One way, evenly distributed: messages overtake each other. */
  readonly delayMs: readonly [number, number];
  /** Probabilities, of one message. */
  readonly loss: number;
  readonly duplication: number;
  /** Held back for `lateMs`: long after anybody waits for it. */
  readonly late: number;
  readonly lateMs: number;
  /** Kept, and sent again by `replayAll`. */
  readonly replay: number;
  /** Nothing passes. silent: nobody is told. refused: the connection ends at once. */
  readonly cut: "no" | "silent" | "refused";
};
export const fair: Weather = { delayMs: [0, 0], loss: 0, duplication: 0, late: 0, lateMs: 0, replay: 0, cut: "no" };

export type Links = {
  /** Listens on `port` for what is meant for the datacenter, and passes it on to `target`. */
  open(datacenter: number, port: number, target: number): Promise<void>;
  /** Of what `from` sends to `to`, replies among it. */
  set(from: number, to: number, weather: Partial<Weather>, dice: Dice): void;
  cut(from: number, to: number, how?: "silent" | "refused"): void;
  /** All is passed on at once again. What is on its way still arrives when it was to arrive. */
  heal(): void;
  /** Sends again what was kept, old as it is; resolves with how many. */
  replayAll(): Promise<number>;
  readonly counts: Readonly<Record<"passed" | "lost" | "doubled" | "late" | "replayed" | "delayed", number>>;
  close(): Promise<void>;
};

type Message = { readonly to: number; readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: Buffer };
type Answer = { readonly status: number; readonly type: string; readonly body: Buffer };
const keptMax = 2_000;
/** As long as any sender waits for anything, and longer. */
const answerMs = 60_000;

export function createLinks(): Links {
  const weathers = new Map<string, { readonly weather: Weather; readonly dice: Dice | null }>();
  const targets = new Map<number, number>();
  const servers: Server[] = [];
  const agent = new Agent({ keepAlive: true });
  const kept: Message[] = [];
  const counts = { passed: 0, lost: 0, doubled: 0, late: 0, replayed: 0, delayed: 0 };
  const of = (from: number, to: number) => weathers.get(`${from}>${to}`) ?? { weather: fair, dice: null };
  const set = (from: number, to: number, weather: Partial<Weather>, dice: Dice | null) =>
    void weathers.set(`${from}>${to}`, { weather: { ...fair, ...weather }, dice });

  /** @returns false when it does not arrive */
  async function travel(from: number, to: number): Promise<boolean> {
    const { weather, dice } = of(from, to);
    if (weather.cut !== "no" || dice?.chance(weather.loss) === true) {
      counts.lost++;
      return false;
    }
    const [least, most] = weather.delayMs;
    let delayMs = dice?.between(least, most) ?? 0;
    if (dice?.chance(weather.late) === true) {
      counts.late++;
      delayMs += weather.lateMs;
    }
    if (delayMs > 0) {
      counts.delayed++;
      await sleep(delayMs, undefined, { ref: false });
      // Who was cut off meanwhile gets nothing that was still under way.
      if (of(from, to).weather.cut !== "no") return false;
    }
    counts.passed++;
    return true;
  }

  async function relay(message: Message, response: ServerResponse): Promise<void> {
    const { to } = message;
    const from = senderOf(message);
    const { weather, dice } = of(from, to);
    if (weather.cut === "refused") return void response.destroy();
    if (dice?.chance(weather.replay) === true && kept.length < keptMax) kept.push(message);
    if (dice?.chance(weather.duplication) === true) {
      counts.doubled++;
      void travel(from, to).then((arrives) => (arrives ? pass(message) : null));
    }
    if (!(await travel(from, to))) return;
    const answer = await pass(message);
    if (answer === null) return void response.destroy();
    if (of(to, from).weather.cut === "refused") return void response.destroy();
    // A sender that is never answered gives up by itself.
    if (!(await travel(to, from)) || response.destroyed) return;
    response.writeHead(answer.status, { "content-type": answer.type, "content-length": answer.body.length }).end(answer.body);
  }

  /** null: the target cannot be reached, or went away. */
  function pass({ to, path, headers, body }: Message): Promise<Answer | null> {
    return new Promise((resolve) => {
      const { connection, host, ...rest } = headers;
      const options = { agent, host: "127.0.0.1", port: targets.get(to), path, method: "POST", headers: rest, timeout: answerMs };
      const outgoing = request(options, (incoming) => {
        collect(incoming).then(
          (bytes) => resolve({ status: incoming.statusCode ?? 502, type: incoming.headers["content-type"] ?? "", body: bytes }),
          () => resolve(null),
        );
      });
      outgoing.once("timeout", () => outgoing.destroy());
      outgoing.once("error", () => resolve(null));
      outgoing.end(body);
    });
  }

  return {
    counts,
    set,
    cut: (from, to, how = "silent") => set(from, to, { cut: how }, null),
    heal: () => weathers.clear(),
    async open(datacenter, port, target) {
      targets.set(datacenter, target);
      const server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (incoming, response) => {
        response.on("error", () => undefined);
        collect(incoming).then(
          (body) => relay({ to: datacenter, path: incoming.url ?? "/", headers: incoming.headers, body }, response),
          () => response.destroy(),
        );
      });
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", resolve);
      });
    },
    async replayAll() {
      const all = kept.splice(0);
      for (const message of all) await pass(message);
      counts.replayed += all.length;
      return all.length;
    },
    async close() {
      agent.destroy();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** 0: a newcomer without an id, or bytes that are no message. */
function senderOf({ path, body }: Message): number {
  try {
    return decodeRequest(Number(/^\/v(\d+)\//.exec(path)?.[1] ?? 0), body).header.from;
  } catch {
    return 0;
  }
}

async function collect(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
