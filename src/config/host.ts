const hostGrammar = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

/** `docker.io`, `localhost:5000`, `[::1]:5000`, as it is. undefined: it is no host in lower case. */
export function parseHost(written: string): string | undefined {
  return hostGrammar.test(written) ? written : undefined;
}
