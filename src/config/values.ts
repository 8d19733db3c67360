import { z } from "zod";
import { dockerHubAliases } from "../oci/docker-hub.ts";
import { parseHost } from "./host.ts";
import { parseListenAddress } from "./listen-address.ts";
import { parseDuration, parseSize } from "./units.ts";

/*
 * The kinds of values that settings have. Every message continues a sentence that begins with the
 * value: `"5x" is not a duration; …`.
 */

export const text = z
  .string({ error: "is not text; put it in quotes" })
  .min(1, "is empty; write something, or leave the key out");

export const maxDenialLength = 500;

/** For whoever asks for what is denied. */
export const denialText = text.max(maxDenialLength, {
  error: `is too long; up to ${maxDenialLength} characters are allowed`,
});

/** Milliseconds. */
export function duration(shortest: string, longest: string) {
  const wrong = "is not a duration; write a whole number and ms, s, m, h or d, such as 30s or 5m";
  const [min = 0, max = Infinity] = [parseDuration(shortest), parseDuration(longest)];
  return parsed(parseDuration, wrong).refine((ms) => ms >= min && ms <= max, {
    error: `is out of range; ${shortest} to ${longest} is allowed`,
  });
}

/** Milliseconds; Infinity for `off`. */
export function durationOrOff(shortest: string, longest: string) {
  const wrong =
    "is not a duration; write a whole number and ms, s, m, h or d, such as 12h or 30d, or off";
  const [min = 0, max = Infinity] = [parseDuration(shortest), parseDuration(longest)];
  return parsed(orOff(parseDuration, Infinity), wrong).refine(
    (ms) => ms === Infinity || (ms >= min && ms <= max),
    { error: `is out of range; ${shortest} to ${longest} is allowed, or off` },
  );
}

const sizeForm = "write a number and a unit, such as 512MiB or 1.5TB";

/** Bytes; Infinity for `off`. */
export function sizeOrOff(smallest: string) {
  const min = parseSize(smallest) ?? 0;
  return parsed(orOff(parseSize, Infinity), `is not a size; ${sizeForm}, or off`).refine(
    (bytes) => bytes >= min,
    { error: `is too small; ${smallest} or more is allowed, or off` },
  );
}

/** Of a disk. */
export const share = parsed(
  orOff(parseShare, { bytes: 0 }),
  `is neither a percentage nor a size; write one such as 5%, ${sizeForm.replace("write ", "")}, or off`,
).refine((value) => !("percent" in value) || value.percent <= 90, {
  error: "is too much; up to 90% is allowed",
});

const rateForm = "write a size such as 20MiB or 20MiB/s";

/** Bytes a second. */
export function rate(smallest: string) {
  const min = parseSize(smallest) ?? 0;
  return parsed(parseRate, `is not a rate; ${rateForm}`).refine((bytes) => bytes >= min, {
    error: `is too low; ${smallest} or more is allowed`,
  });
}

/** Bytes a second; 0 for `off`. */
export function rateOrOff(smallest: string) {
  const min = parseSize(smallest) ?? 0;
  return parsed(orOff(parseRate, 0), `is not a rate; ${rateForm}, or off`).refine(
    (bytes) => bytes === 0 || bytes >= min,
    { error: `is too low; ${smallest} or more is allowed, or off` },
  );
}

/** Also as text, which is what variables expand to. */
export const yesOrNo = z.preprocess(
  readBoolean,
  z.boolean({ error: "is not known; write true or false" }),
);

/** Also as text, which is what variables expand to. */
export function wholeNumber(min: number, max: number) {
  const error = `is not a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  );
}

export function oneOf<const Choices extends readonly string[]>(choices: Choices) {
  return z.enum(choices, { error: `is not known; write one of ${choices.join(", ")}` });
}

export const listenAddress = parsed(
  parseListenAddress,
  'is not an address; write host:port, such as "0.0.0.0:5000", ":5000" or "[::]:5000"',
);

/** `docker.io`, `localhost:5000`: the canonical host by which images name a registry. */
export const registryHost = parsed(
  parseHost,
  "is not a registry's host; write it in lower case, such as docker.io or localhost:5000",
).refine((host) => !dockerHubAliases.includes(host), { error: "is Docker Hub; write docker.io" });

export const tokenRealm = parsed(
  parseHost,
  "is not a host; write it in lower case, such as auth.example.com or localhost:5001",
);

/** Base URL without a trailing slash. */
export const endpoint = parsed(
  parseBaseUrl,
  "is not an endpoint; write an http or https URL without user name, password, query and fragment",
).refine((url) => !url.endsWith("/v2"), {
  error: "ends in /v2, which is added anyway; leave it out",
});

export const origin = parsed(
  parseOrigin,
  "is not a URL to pull from; write only http or https, host and port, such as http://mirror:5000",
);

export function parsed<T>(parse: (text: string) => T | undefined, error: string) {
  return z.string({ error }).transform((written, context) => {
    const value = parse(written);
    if (value !== undefined) return value;
    context.addIssue(error);
    return z.NEVER;
  });
}

/** What is neither `true` nor `false` comes back as it is. */
export function readBoolean(value: unknown): unknown {
  if (value === "true") return true;
  return value === "false" ? false : value;
}

function orOff<T>(parse: (text: string) => T | undefined, off: T) {
  return (written: string) => (written === "off" ? off : parse(written));
}

function parseRate(written: string): number | undefined {
  return parseSize(written.replace(/\/s$/, ""));
}

function parseShare(written: string): { percent: number } | { bytes: number } | undefined {
  const [, percent] = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(written) ?? [];
  if (percent !== undefined) return { percent: Number(percent) };
  const bytes = parseSize(written);
  return bytes === undefined ? undefined : { bytes };
}

function parseBaseUrl(written: string): string | undefined {
  const url = URL.parse(written);
  const isPlain = /^https?:\/\/[^@?#]+$/i.test(written);
  return url && isPlain ? (url.origin + url.pathname).replace(/\/+$/, "") : undefined;
}

function parseOrigin(written: string): string | undefined {
  const url = parseBaseUrl(written);
  return url !== undefined && url === URL.parse(url)?.origin ? url : undefined;
}
