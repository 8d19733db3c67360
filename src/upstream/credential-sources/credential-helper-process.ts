import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Credentials } from "../credentials.ts";
import { errorCode } from "../network-failure.ts";
import { UpstreamError } from "../upstream.ts";
import { findText, isPlainToken, parseJsonObject } from "../json-object.ts";

export interface HelperProcessOptions {
  /** Of `docker-credential-NAME`, checked, and what it knows the registry as. */
  helper: { name: string; server: string };
  /** The program's own; it is looked for in this `PATH`. */
  environment: Readonly<Record<string, string | undefined>>;
  /** 10 s unless given. */
  timeoutMs?: number;
  /** Ends the program. */
  signal?: AbortSignal;
}

const defaultTimeoutMs = 10_000;
const maxAnswerBytes = 64 * 1024;

/** https://github.com/docker/docker-credential-helpers/blob/v0.9.3/credentials/error.go */
const notFoundAnswer = "credentials not found in native keychain";

/** In the place of a user name: the secret is a refresh token. */
const refreshTokenUser = "<token>";

/**
 * Runs `docker-credential-NAME get`:
 * https://github.com/docker/docker-credential-helpers#development. undefined: it knows none. Throws
 * UpstreamError "credentials". Nothing of what it writes shows anywhere: it may hold secrets.
 */
export async function askCredentialHelper(
  options: HelperProcessOptions,
): Promise<Credentials | undefined> {
  const { exitCode, output } = await run(options).catch((error: unknown) => {
    throw error instanceof UpstreamError ? error : trouble(options, explainStart(error), error);
  });
  if (exitCode === 0) return readAnswer(output, options);
  if (output.trim() === notFoundAnswer) return undefined;
  const how = exitCode === null ? "was killed" : `failed with exit code ${exitCode}`;
  throw trouble(options, how);
}

async function run(
  options: HelperProcessOptions,
): Promise<{ exitCode: number | null; output: string }> {
  const { helper, environment, timeoutMs = defaultTimeoutMs, signal } = options;
  // A process group of its own, so that what it starts can be ended with it.
  const child = spawn(programOf(options), ["get"], {
    env: { ...environment },
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  const closed = once(child, "close");
  // Without a file descriptor to spare there are no streams, which is what fails first then.
  closed.catch(() => {});
  const output = new BoundedOutput(maxAnswerBytes);
  let problem: string | undefined;
  const stop = (reason: string) => {
    problem ??= reason;
    killGroup(child);
    child.stdout.destroy();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    if (!output.add(chunk)) stop(`answered with more than ${maxAnswerBytes} bytes`);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(helper.server);
  const timer = setTimeout(() => stop(`did not answer within ${timeoutMs} ms`), timeoutMs);
  const abort = () => stop("was ended");
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    await closed;
  } finally {
    signal?.removeEventListener("abort", abort);
    clearTimeout(timer);
  }
  if (problem !== undefined) throw trouble(options, problem);
  return { exitCode: child.exitCode, output: output.text };
}

class BoundedOutput {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** false: it is too much. */
  add(chunk: Buffer): boolean {
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes) return false;
    this.#chunks.push(chunk);
    return true;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended already.
  }
}

function readAnswer(output: string, options: HelperProcessOptions): Credentials | undefined {
  const answer = parseJsonObject(output);
  const username = findText(answer, "Username");
  const secret = findText(answer, "Secret");
  if (username === undefined || secret === undefined) {
    throw trouble(options, "gave no credentials in its answer");
  }
  if (username !== refreshTokenUser) return { kind: "password", username, password: secret };
  if (isPlainToken(secret)) return { kind: "refresh-token", token: secret };
  throw trouble(options, "gave a token that is none");
}

function programOf({ helper }: HelperProcessOptions): string {
  return `docker-credential-${helper.name}`;
}

function explainStart(error: unknown): string {
  const code = errorCode(error);
  return code === "ENOENT" ? "is not in PATH" : `cannot be started (${code})`;
}

function trouble(options: HelperProcessOptions, what: string, cause?: unknown): UpstreamError {
  return new UpstreamError("credentials", `${programOf(options)} ${what}`, { cause });
}
