/** A schedule as a picture: one line down for each replica, an arrow for each message, a box for what a line of the script did or expected. */
import type { Message, MessageEvent } from "./network.ts";
import { type Line, playScript, type Script } from "./script.ts";
import type { Stage } from "./stage.ts";
import { replyText, requestText } from "./words.ts";

type Arrow = {
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
  readonly text: string;
  readonly kind: "request" | "answer" | "lost";
};
type Box = { readonly at: number; readonly row: number; readonly text: string; readonly kind: "caller" | "state" | "crash" };
type Drawing = {
  readonly title: string;
  readonly replicas: number;
  readonly rows: number;
  readonly arrows: readonly Arrow[];
  readonly boxes: readonly Box[];
};

const LEFT = 70;
const TOP = 64;
const ROW = 30;
const COLUMN = 230;
/** A message that is lost ends on this part of its way. */
const LOST_SHARE = 0.35;

/** Plays the script and says what there is to see. Only messages that the script itself lets arrive or be lost are drawn. @throws as playScript */
export async function record(script: Script): Promise<Drawing> {
  const arrows: Arrow[] = [];
  const boxes: Box[] = [];
  const sentAt = new Map<Message, number>();
  const arrivedAt = new Map<Message, number>();
  let row = 0;
  let replicas = 0;
  let stage: Stage | null = null;
  let isFormed = false;

  /** Names are bound only once the line that gives them has been played, so the text is made when all is over. */
  const later: (() => void)[] = [];
  function draw({ what, message, reply }: MessageEvent): void {
    const { from, to, request } = message;
    if (!isFormed || request.kind === "sync" || request.kind === "fetchConfig") return;
    if (what === "sent") return void sentAt.set(message, row);
    // What nobody lives to say any more was never on its way.
    if (what === "lost" && stage !== null && !isUp(stage, from)) return;
    row++;
    const end = row;
    const isAnswer = what === "answered" || (what === "lost" && reply !== null);
    const begin = (isAnswer ? arrivedAt : sentAt).get(message) ?? end - 1;
    if (what === "arrived") arrivedAt.set(message, end);
    later.push(() => {
      const text = stage === null ? "" : isAnswer && reply !== null ? replyText(stage.names, reply) : requestText(stage.names, request);
      const [a, b] = isAnswer ? [to, from] : [from, to];
      arrows.push({
        from: a,
        to: b,
        begin,
        end,
        text: text.replace(" bal 0", "").replace(" value ", " "),
        kind: what === "lost" ? "lost" : isAnswer ? "answer" : "request",
      });
    });
  }
  function note({ text }: Line, at: Stage, when: "before" | "after"): void {
    stage = at;
    // Who proposes does so before anything is sent; what is expected is known once it was found true.
    if ((when === "before") === text.startsWith("expect ")) return;
    const cluster = /^cluster (\d+)/.exec(text);
    if (cluster !== null) {
      replicas = Number(cluster[1]);
      return;
    }
    isFormed = true;
    const found = boxesOf(text, at);
    if (found.length === 0) return;
    row++;
    for (const box of found) boxes.push({ ...box, row });
  }
  await playScript(script, { onLine: note, onMessage: draw });
  for (const write of later) write();
  return { title: script.header[0] ?? script.file, replicas, rows: row + 1, arrows, boxes };
}

/** What a line of the script puts on a replica's line. */
function boxesOf(text: string, { callers }: Stage): Omit<Box, "row">[] {
  const proposed = /^(\S+) = (propose|change|read) (\d+): (.*)$/.exec(text);
  if (proposed !== null) return [{ at: Number(proposed[3]), text: `${proposed[1]}: ${proposed[4]}`, kind: "caller" }];
  const recovers = /^recover (\d+): (\S+)$/.exec(text);
  if (recovers !== null) return [{ at: Number(recovers[1]), text: `recovers ${recovers[2]}`, kind: "caller" }];
  const answered = /^expect (\S+) answers (.*)$/.exec(text);
  const caller = callers.get(answered?.[1] ?? "");
  if (caller !== undefined) return [{ at: caller.at.site.number, text: `${answered?.[1]} is answered: ${answered?.[2]}`, kind: "caller" }];
  const crash = /^crash ((?:\d+ ?)+)$/.exec(text);
  if (crash !== null) return numbers(crash[1]).map((at) => ({ at, text: "crashes", kind: "crash" }));
  const state = /^expect ((?:\d+ ?)+): (.*)$/.exec(text);
  if (state !== null) return numbers(state[1]).map((at) => ({ at, text: state[2] ?? "", kind: "state" }));
  return [];
}

function isUp(stage: Stage, site: number): boolean {
  return stage.live().some((node) => node.site.number === site);
}

function numbers(text = ""): number[] {
  return text.trim().split(/\s+/).map(Number);
}

export function draw({ title, replicas, rows, arrows, boxes }: Drawing): string {
  const width = 2 * LEFT + COLUMN * (replicas - 1) + 60;
  const height = TOP + ROW * rows + 16;
  const x = (replica: number) => LEFT + 30 + COLUMN * (replica - 1);
  const y = (row: number) => TOP + ROW * row;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12"><title>${escaped(title)}</title>`,
    `<style>.ground{fill:#fff}.line{stroke:#999}text{fill:#222}.request{stroke:#1b6ca8}.answer{stroke:#1b6ca8;stroke-dasharray:5 4}.lost{stroke:#c0392b}.box{stroke:#999;fill:#f4f4f4}.caller{stroke:#7b4b94;fill:#f3ecf7}.crash{stroke:#c0392b;fill:#fbe9e7}.tip{fill:#1b6ca8;stroke:none}.halo{paint-order:stroke;stroke:#fff;stroke-width:4px}@media(prefers-color-scheme:dark){.ground{fill:#16181c}text{fill:#e6e6e6}.line{stroke:#555}.box{fill:#24272d;stroke:#777}.caller{fill:#2f2438;stroke:#b58bd0}.crash{fill:#3b201d;stroke:#e07a6c}.request,.answer{stroke:#6fb3e0}.tip{fill:#6fb3e0}.lost{stroke:#e07a6c}.halo{stroke:#16181c}}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/><text x="14" y="24" font-size="15">${escaped(title)}</text>`,
    ...Array.from({ length: replicas }, (_, i) => lifeline(x(i + 1), i + 1, height, boxes, y)),
    ...arrows.map((arrow) => arrowAt(arrow, x, y)),
    ...boxes.map((box) => boxAt(box, x(box.at), y(box.row))),
    "</svg>\n",
  ].join("\n");
}

function lifeline(x: number, replica: number, height: number, boxes: readonly Box[], y: (row: number) => number): string {
  const end = boxes.find(({ at, kind }) => at === replica && kind === "crash");
  return `<text x="${x}" y="48" text-anchor="middle">replica ${replica}</text><line class="line" x1="${x}" x2="${x}" y1="56" y2="${end === undefined ? height - 10 : y(end.row)}"/>`;
}

function arrowAt({ from, to, begin, end, text, kind }: Arrow, x: (replica: number) => number, y: (row: number) => number): string {
  const share = kind === "lost" ? LOST_SHARE : 1;
  const [x1, y1] = [x(from), y(begin)];
  const [x2, y2] = [x1 + (x(to) - x1) * share, y1 + (y(end) - y1) * share];
  const way = Math.atan2(y2 - y1, x2 - x1);
  const tip = [0, -1, 1].map((side) => {
    const turned = way + Math.PI + side * 0.35;
    return side === 0 ? `${round(x2)},${round(y2)}` : `${round(x2 + 10 * Math.cos(turned))},${round(y2 + 10 * Math.sin(turned))}`;
  });
  const head =
    kind === "lost"
      ? `<path class="lost" d="M${round(x2 - 5)} ${round(y2 - 5)}l10 10m0 -10l-10 10" stroke-width="2"/>`
      : `<polygon class="tip" points="${tip.join(" ")}"/>`;
  // Near its end, where arrows that left together are apart; always upright.
  const at = kind === "lost" ? 1 : Math.abs(to - from) > 1 ? 0.7 : 0.55;
  const [tx, ty] = [x1 + (x2 - x1) * at, y1 + (y2 - y1) * at - 5];
  return `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke-width="1.5"/>${head}<text class="halo" x="${round(tx)}" y="${round(ty)}" text-anchor="middle" font-size="11">${escaped(kind === "lost" ? `${text}: lost` : text)}</text>`;
}

function boxAt({ text, kind }: Box, x: number, y: number): string {
  const width = 14 + 6.3 * text.length;
  return `<rect class="box ${kind}" x="${round(x - width / 2)}" y="${y - 11}" width="${round(width)}" height="21" rx="5"/><text x="${round(x)}" y="${y + 4}" text-anchor="middle">${escaped(text)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
