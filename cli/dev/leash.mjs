// Ends the processes of a local cluster when `epoxy dev` is gone, however it went: its standard input closes with it.
// Lines in: `+PID` a process to watch over, `-PID` one that has ended by itself, `.` all is ended in order.
import { createInterface } from "node:readline";

const pids = new Set();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const pid = Number(line.slice(1));
    if (line === ".") pids.clear();
    else if (line.startsWith("+")) pids.add(pid);
    else pids.delete(pid);
  })
  .on("close", () => {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It was gone already.
      }
    }
    process.exit(0);
  });
