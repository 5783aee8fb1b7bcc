/** The service of three datacenters, beside an `epoxy dev`: services on ports 7201 to 7203. `node --import tsx examples/reservations/main.ts` */
import { createClient } from "../../client/client.ts";
import { createService } from "./service.ts";

const numbers = [1, 2, 3];
const serviceUrl = (number: number) => `http://127.0.0.1:${7200 + number}`;
const epoxyUrl = (number: number) => `http://127.0.0.1:${7100 + 10 * number}`;
const datacenters = Object.fromEntries(numbers.map((number) => [`dc-${number}`, serviceUrl(number)]));

for (const number of numbers) {
  const others = numbers.filter((each) => each !== number);
  const epoxy = createClient({ endpoints: [number, ...others].map(epoxyUrl) });
  createService({ name: `dc-${number}`, datacenters, epoxy }).listen(7200 + number, "127.0.0.1", () => {
    console.log(`dc-${number}: ${serviceUrl(number)}, asks Epoxy at ${epoxyUrl(number)}`);
  });
}
