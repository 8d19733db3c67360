import { createHash, createHmac } from "node:crypto";
import type { Clock } from "../../src/clock.ts";
import type { CloudCall, CloudReply, CloudRoute } from "./fake-cloud.ts";

export interface FakeAwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface FakeEcrOptions {
  keys: FakeAwsKeys;
  region: string;
  /** What the signature must be for: `ecr`, `ecr-public`. */
  service?: string;
  clock: Clock;
  /** Seconds; undefined: left out of the answer. */
  lifeSeconds?: number;
}

/** GetAuthorizationToken, for requests that are signed right: user AWS, password p1, p2, … */
export function fakeEcr({
  keys,
  region,
  service = "ecr",
  clock,
  lifeSeconds,
}: FakeEcrOptions): CloudRoute {
  let count = 0;
  return (call) => {
    const problem = findSignatureProblem(call, { keys, region, service, now: clock.now() });
    if (problem !== undefined) {
      return { status: 400, body: { __type: "InvalidSignatureException", message: problem } };
    }
    const token = Buffer.from(`AWS:p${(count += 1)}`).toString("base64");
    const grant = {
      authorizationToken: token,
      ...(lifeSeconds === undefined ? {} : { expiresAt: clock.now() / 1000 + lifeSeconds }),
    };
    return { body: { authorizationData: service === "ecr-public" ? grant : [grant] } };
  };
}

/** AssumeRoleWithWebIdentity. */
export function fakeSts(keys: FakeAwsKeys): CloudRoute {
  return () => ({
    headers: { "content-type": "text/xml" },
    body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/pull/entrepot</Arn></AssumedRoleUser>
    <Credentials>
      <SessionToken>${keys.sessionToken}</SessionToken>
      <SecretAccessKey>${keys.secretAccessKey}</SecretAccessKey>
      <Expiration>2026-01-01T01:00:00Z</Expiration>
      <AccessKeyId>${keys.accessKeyId}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`,
  });
}

/** As container and instance endpoints write keys. */
export function endpointKeys(keys: FakeAwsKeys): CloudReply {
  return {
    body: {
      Code: "Success",
      AccessKeyId: keys.accessKeyId,
      SecretAccessKey: keys.secretAccessKey,
      Token: keys.sessionToken,
      Expiration: "2026-01-01T06:00:00Z",
    },
  };
}

/** The instance endpoint, version 2 of its protocol only. */
export function fakeInstance(role: string, keys: FakeAwsKeys): Record<string, CloudRoute> {
  const session = "fake-session";
  const roles = "/latest/meta-data/iam/security-credentials/";
  const guarded =
    (answer: CloudReply): CloudRoute =>
    ({ headers }) =>
      headers["x-aws-ec2-metadata-token"] === session ? answer : { status: 401 };
  return {
    "PUT /latest/api/token": ({ headers }) =>
      Number(headers["x-aws-ec2-metadata-token-ttl-seconds"]) > 0
        ? { body: session }
        : { status: 400 },
    [`GET ${roles}`]: guarded({ body: `${role}\n` }),
    [`GET ${roles}${role}`]: guarded(endpointKeys(keys)),
  };
}

/**
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
 * reckoned anew from what came. undefined: it is right.
 */
function findSignatureProblem(
  call: CloudCall,
  expected: { keys: FakeAwsKeys; region: string; service: string; now: number },
): string | undefined {
  const { keys, region, service, now } = expected;
  const { authorization = "" } = call.headers;
  const date = String(call.headers["x-amz-date"]);
  if (Math.abs(parseAmzDate(date) - now) > 5 * 60_000) return "the date is off";
  if (call.headers["x-amz-security-token"] !== keys.sessionToken) return "the session is another";
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(";") ?? [];
  if (!["host", "x-amz-date", "x-amz-target"].every((name) => signed.includes(name))) {
    return "too little is signed";
  }
  const scope = [date.slice(0, 8), region, service, "aws4_request"].join("/");
  const signature = sign(keys.secretAccessKey, scope, [
    "AWS4-HMAC-SHA256",
    date,
    scope,
    sha256(canonicalRequest(call, signed)),
  ]);
  const right = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${signed.join(";")}, Signature=${signature}`;
  return authorization === right ? undefined : "the signature is another";
}

function canonicalRequest(call: CloudCall, signed: string[]): string {
  const [method, path] = call.route.split(" ");
  const headers = signed.map((name) => `${name}:${String(call.headers[name])}\n`).join("");
  return [method, path, "", headers, signed.join(";"), sha256(call.body)].join("\n");
}

function sign(secret: string, scope: string, lines: string[]): string {
  const key = scope
    .split("/")
    .reduce<Buffer>((derived, part) => hmac(derived, part), Buffer.from(`AWS4${secret}`));
  return hmac(key, lines.join("\n")).toString("hex");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function parseAmzDate(text: string): number {
  return Date.parse(
    text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
}
