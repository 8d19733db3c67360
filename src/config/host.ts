import { isRegistryHost } from "../oci/registry-host.ts";

/** `docker.io`, `localhost:5000`, `[::1]:5000`, as it is. undefined: it is no host in lower case. */
export function parseHost(written: string): string | undefined {
  return isRegistryHost(written) && written === written.toLowerCase() ? written : undefined;
}
