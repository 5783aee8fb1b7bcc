/** A few words of Redis's protocol: enough to ask a server how it is set up, without a client library. */
import { connect } from "node:net";

export type RedisAnswer = string | number | null | RedisAnswer[];

/** Sends the commands over one connection. @throws Error when it cannot be reached, times out or answers an error */
export function askRedis(url: string, commands: readonly (readonly string[])[], timeoutMs = 2_000): Promise<RedisAnswer[]> {
  const { hostname, port, username, password } = new URL(url);
  const login = password === "" ? [] : [["AUTH", ...(username === "" ? [] : [decodeURIComponent(username)]), decodeURIComponent(password)]];
  const all = [...login, ...commands];
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 6379) });
    let received = Buffer.alloc(0);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () => fail(new Error("no answer from Redis in time")));
    socket.once("error", fail);
    socket.once("close", () => reject(new Error("Redis closed the connection")));
    socket.once("connect", () => socket.write(all.map(encode).join("")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        const answers = parseAll(received, all.length);
        if (answers === null) return;
        resolve(answers.slice(login.length));
        socket.destroy();
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

/** null: more is to come. */
function parseAll(bytes: Buffer, count: number): RedisAnswer[] | null {
  const answers: RedisAnswer[] = [];
  let at = 0;
  while (answers.length < count) {
    const found = parse(bytes, at);
    if (found === null) return null;
    answers.push(found.value);
    at = found.end;
  }
  return answers;
}

function parse(bytes: Buffer, at: number): { value: RedisAnswer; end: number } | null {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return null;
  const text = bytes.toString("utf8", at + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case "+":
      return { value: text, end };
    case ":":
      return { value: Number(text), end };
    case "-":
      throw new Error(`Redis says: ${text}`);
    case "$": {
      const size = Number(text);
      if (size < 0) return { value: null, end };
      return bytes.length < end + size + 2 ? null : { value: bytes.toString("utf8", end, end + size), end: end + size + 2 };
    }
    case "*": {
      const items: RedisAnswer[] = [];
      let next = end;
      for (let i = 0; i < Number(text); i++) {
        const item = parse(bytes, next);
        if (item === null) return null;
        items.push(item.value);
        next = item.end;
      }
      return { value: items, end: next };
    }
    default:
      throw new Error("that is not Redis");
  }
}
