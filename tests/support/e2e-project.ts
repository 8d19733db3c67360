import { fileURLToPath } from "node:url";

/** The checkout that is tested. */
export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));
