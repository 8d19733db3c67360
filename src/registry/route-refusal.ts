import { RegistryError } from "../oci/errors.ts";

/** `host`: in lower case, checked; it is shown to whoever asked, with how to add it. */
export function notMirrored(host: string): RegistryError {
  const key = host.startsWith("[") ? `'${host}'` : host;
  const hint = `add it under upstreams in the mirror's configuration: "upstreams: { ${key}: {} }"`;
  return new RegistryError("NAME_UNKNOWN", `${host} is not mirrored here; ${hint}`);
}
