/** The commands that run processes: a server, a worker, a local cluster, the demo. */
import type { Command } from "commander";

/** Left out, the environment (EPOXY_NAME and so on) and the config file are asked. */
function withSettings(command: Command): Command {
  return command
    .option("--name <name>", "this datacenter's name (default dc-1)")
    .option("--cluster <name>", 'the cluster\'s name, for people and workflow ids (default "default")')
    .option("--api-listen <host:port>", "where clients are served (default 127.0.0.1:7110)")
    .option("--api-url <url>", "how clients reach it")
    .option("--peer-listen <host:port>", "where the other datacenters are served (default 127.0.0.1:7111)")
    .option("--peer-url <url>", "how the other datacenters reach it")
    .option("--redis <url>", "this datacenter's Redis (or REDIS_URL)")
    .option("--temporal <host:port>", "this datacenter's Temporal (or TEMPORAL_ADDRESS)")
    .option("--temporal-namespace <name>", "its namespace (or TEMPORAL_NAMESPACE)")
    .option("--config <file>", "a JSON file with the same settings")
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--insecure", "serve other machines without secrets and tokens");
}

export function registerProcessCommands(program: Command): void {
  withSettings(program.command("server"))
    .description("one server process of a datacenter")
    .option("--bootstrap", "with an empty Redis: begin a new cluster, as its replica 1")
    .addHelpText(
      "after",
      "\nExamples:\n  epoxy server --bootstrap --name paris --redis redis://127.0.0.1:6379 --temporal 127.0.0.1:7233\n  epoxy server --name tokyo        waits as `joining` until `epoxy members add tokyo …`",
    )
    .action(async (_options, command: Command) => (await import("./server.ts")).server(command.opts()));
  withSettings(program.command("worker"))
    .description("one worker process of a datacenter: its workflows and their activities")
    .addHelpText("after", "\nExample:\n  epoxy worker --name paris --redis redis://127.0.0.1:6379 --temporal 127.0.0.1:7233")
    .action(async (_options, command: Command) => (await import("./worker.ts")).worker(command.opts()));
  withSettings(program.command("config").description("the settings of a server").command("check"))
    .description("say what a server would run with, or what is wrong with it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  epoxy config check --config epoxy.json\n  EPOXY_NAME=paris epoxy config check --json")
    .action(async (_options, command: Command) => (await import("./config.ts")).check(command.opts()));
  program
    .command("dev")
    .description("a whole local cluster: datacenters with Redis, servers and workers of their own, and one Temporal")
    .option("--datacenters <n>", "voting datacenters (default 3)")
    .option("--servers <k>", "server processes a datacenter, at most 3 (default 1)")
    .option("--learners <l>", "more datacenters that copy and follow, but do not vote (default 0)")
    .option(
      "--port <p>",
      "datacenter i serves clients on P+10i, peers on P+10i+1, Redis on P+10i+2; Temporal on P+1, its UI on P+2 (default 7100)",
    )
    .option("--wan <regions>", "a region a datacenter, as in CA,VA,EU: delays every message as far as they are apart (list shows them)")
    .option("--no-restart", "leave a process that dies down")
    .option("--json", "one line of JSON when all is up, then one an event")
    .option("--data <dir>", "keep the state there and go on from it (default: a fresh temporary folder)")
    .addHelpText(
      "after",
      "\nExamples:\n  epoxy dev\n  epoxy dev --datacenters 5 --wan CA,VA,EU,OR,JP\n  epoxy dev --data ./cluster --no-restart --json",
    )
    .action(async (_options, command: Command) => (await import("./dev.ts")).dev(command.opts()));
  program
    .command("demo", { hidden: true })
    .description("a guided tour of a local cluster (npm run demo)")
    .option("--exit", "stop at the end, with exit code 0 only if every step did what it says")
    .option("--port <p>", "as in epoxy dev (default 7100)")
    .action(async (_options, command: Command) => (await import("./demo.ts")).demo(command.opts()));
}
