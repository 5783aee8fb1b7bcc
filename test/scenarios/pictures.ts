/** The pictures of docs/pictures: a schedule each, played on the shipped code. `npm run pictures` draws them anew. */
import { readdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { draw, record } from "./picture.ts";
import { readScript } from "./script.ts";

const folder = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));

/** File name without its end, and the picture as it is with the code as it is. */
export async function drawAll(): Promise<Map<string, string>> {
  const names = readdirSync(folder).filter((file) => file.endsWith(".txt"));
  const pictures = new Map<string, string>();
  for (const file of names.sort()) pictures.set(basename(file, ".txt"), draw(await record(readScript(`${folder}${file}`))));
  return pictures;
}

export function pictureFile(name: string): string {
  return `${folder}${name}.svg`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, picture] of await drawAll()) writeFileSync(pictureFile(name), picture);
}
