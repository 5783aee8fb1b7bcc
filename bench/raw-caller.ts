/** One caller in a closed loop over one connection: raw HTTP, so that the load costs as little as it can beside what it measures. */
import { connect, type Socket } from "node:net";

export type Caller = {
  /** Sends one request, a POST of JSON or a GET without body, and resolves with the whole answer. */
  ask(path: string, body?: string): Promise<{ readonly status: number; readonly body: string }>;
  close(): void;
};

export function openCaller(apiUrl: string): Promise<Caller> {
  const { hostname, port, host } = new URL(apiUrl);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(callerOn(socket, host));
    });
  });
}

function callerOn(socket: Socket, host: string): Caller {
  let received = "";
  let settle: { resolve: (answer: { status: number; body: string }) => void; reject: (error: Error) => void } | null = null;
  const fail = (error: Error) => {
    settle?.reject(error);
    settle = null;
  };
  // One byte a character, so that content-length counts characters.
  socket.setEncoding("latin1");
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.on("data", (chunk: string) => {
    received += chunk;
    const headEnd = received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = /content-length: *(\d+)/i.exec(received.slice(0, headEnd))?.[1];
    if (length === undefined) return fail(new Error(`an answer without content-length: ${received.slice(0, 200)}`));
    const end = headEnd + 4 + Number(length);
    if (received.length < end) return;
    const answer = { status: Number(received.slice(9, 12)), body: received.slice(headEnd + 4, end) };
    received = received.slice(end);
    const waiting = settle;
    settle = null;
    waiting?.resolve(answer);
  });
  return {
    ask(path, body) {
      socket.write(
        body === undefined
          ? `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`
          : `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
    },
    close: () => socket.destroy(),
  };
}
