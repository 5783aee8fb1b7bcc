import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export type Leash = {
  hold(pid: number): void;
  release(pid: number): void;
  /** All processes have ended: there is nothing left to watch over. */
  end(): void;
};

/** Watches over the cluster's processes from a process of its own, so that even `kill -9` of this one ends them. */
export function createLeash(): Leash {
  const held = new Set<number>();
  let ended = false;
  let keeper = start();

  function start(): ChildProcess {
    const child = spawn(process.execPath, [fileURLToPath(new URL("leash.mjs", import.meta.url))], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    // A write to a keeper that was just killed fails here; its successor is told everything.
    child.stdin?.on("error", () => undefined);
    child.once("exit", () => {
      if (ended) return;
      keeper = start();
    });
    for (const pid of held) child.stdin?.write(`+${pid}\n`);
    child.unref();
    return child;
  }
  const tell = (text: string) => void keeper.stdin?.write(`${text}\n`);
  return {
    hold(pid) {
      held.add(pid);
      tell(`+${pid}`);
    },
    release(pid) {
      held.delete(pid);
      tell(`-${pid}`);
    },
    end() {
      ended = true;
      tell(".");
      keeper.stdin?.end();
    },
  };
}
