/** The commands over keys: their names, arguments and help. What they do is one file each, loaded when run. */
import { type Command, Option } from "commander";
import { collect, withClientOptions } from "../client-options.ts";

export function registerDataCommands(program: Command): void {
  withClientOptions(program.command("put <key> <value>"))
    .description("write a value (- reads it from standard input)")
    .option("--if-absent", "only where the key is absent")
    .option("--if-version <version>", "only where the key has this version")
    .option("--idempotency-key <key>", "makes a later repetition give this one's result")
    .addHelpText("after", "\nExamples:\n  epoxy put greeting hello\n  epoxy put photo - < photo.jpg")
    .action(async (...all) => (await import("./put.ts")).put(...all));
  withClientOptions(program.command("get <key>"))
    .description("print a key's value; exit code 3 where it is absent")
    .addOption(new Option("--read <mode>", "how fresh, linearizable unless given").choices(["linearizable", "local", "optimistic"]))
    .addHelpText("after", "\nExamples:\n  epoxy get greeting\n  epoxy get greeting --read local --json")
    .action(async (...all) => (await import("./get.ts")).get(...all));
  withClientOptions(program.command("del <key>"))
    .description("delete a key")
    .option("--if-version <version>", "only where the key has this version")
    .option("--idempotency-key <key>", "makes a later repetition give this one's result")
    .addHelpText("after", "\nExamples:\n  epoxy del greeting\n  epoxy del greeting --if-version 4")
    .action(async (...all) => (await import("./del.ts")).del(...all));
  withClientOptions(program.command("cas <key>"))
    .description("check and set: write only if the key is as expected; exit code 3 where it is not")
    .option("--expect <value>", "the value it must have; given more than once, any of them", collect)
    .option("--absent", "it must be absent (with --expect: or absent)")
    .option("--version <version>", "the version it must have")
    .option("--value <value>", "the new value (- reads standard input)")
    .option("--delete", "delete it instead of writing a value")
    .option("--idempotency-key <key>", "makes a later repetition give this one's result")
    .addHelpText(
      "after",
      "\nExamples:\n  epoxy cas lock --absent --value me\n  epoxy cas greeting --expect hello --value bye\n  epoxy cas greeting --version 4 --value bye",
    )
    .action(async (...all) => (await import("./cas.ts")).cas(...all));
  withClientOptions(program.command("add <key> <n>"))
    .description("add to a counter; adds from everywhere commute, and never wait for each other")
    .option("--idempotency-key <key>", "makes a later repetition give this one's result")
    .addHelpText("after", "\nExamples:\n  epoxy add visits 1\n  epoxy add stock -3")
    .action(async (...all) => (await import("./add.ts")).add(...all));
  withClientOptions(program.command("txn <file>"))
    .description("checks and commands across keys, all or nothing, from a JSON file (- for standard input)")
    .option("--idempotency-key <key>", "makes a later repetition give this one's result")
    .addHelpText(
      "after",
      '\nExample:\n  echo \'{"checks":[{"key":"a","expectOneOf":["1"]}],"commands":[{"kind":"set","key":"b","value":"2"}]}\' | epoxy txn -',
    )
    .action(async (...all) => (await import("./txn.ts")).txn(...all));
  withClientOptions(program.command("list [prefix]"))
    .description("the keys that begin with prefix, in byte order, as this datacenter has them")
    .option("--limit <n>", "at most so many")
    .option("--keys-only", "only the keys")
    .addHelpText("after", "\nExamples:\n  epoxy list\n  epoxy list user/ --limit 20 --json")
    .action(async (...all) => (await import("./list.ts")).list(...all));
  withClientOptions(program.command("watch [prefix]"))
    .description("print each change from now on, as this datacenter executes it, until Ctrl-C")
    .option("--after <position>", "go on after this position (the id of an event, as --json shows it)")
    .addHelpText(
      "after",
      "\nExamples:\n  epoxy watch\n  epoxy watch user/ --json\n  epoxy --api http://127.0.0.1:7120 watch | grep ^delete",
    )
    .action(async (...all) => (await import("./watch.ts")).watch(...all));
}
