/** `node bench/upstream/main.ts PORT OPTIONS-AS-JSON`: the upstream of a measurement, until it is killed. */
import { z } from "zod";
import { createRegistry } from "./registry.ts";

const options = z
  .object({
    roundTripMs: z.number().default(0),
    bytesPerSecond: z.number().default(Infinity),
    cutAfter: z.number().default(1),
  })
  .parse(JSON.parse(process.argv[3] ?? "{}"));

createRegistry(options).listen(Number(process.argv[2]), "127.0.0.1");
