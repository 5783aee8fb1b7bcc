import { createServer } from "node:net";

/** A TCP port of the loopback that nobody listens on just now. Another program may take it before you do: retry a failed start. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Several at once, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once("error", reject);
            server.listen({ port: 0, host: "127.0.0.1" }, () => {
              const address = server.address();
              if (address === null || typeof address === "string") reject(new Error("no port was given"));
              else resolve(address.port);
            });
          }),
      ),
    );
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
