import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseRepositoryName } from "../../../src/oci/repository-name.ts";
import { Accounts, type Account } from "../../../src/upstream/accounts.ts";
import { Authorizer } from "../../../src/upstream/authorizer.ts";
import { DockerConfigSource } from "../../../src/upstream/credential-sources/docker-config-source.ts";
import { PasswordSource } from "../../../src/upstream/credential-sources/password-source.ts";
import { TokenFileSource } from "../../../src/upstream/credential-sources/token-file-source.ts";
import type { CredentialSource } from "../../../src/upstream/credentials.ts";
import { RealmTrust } from "../../../src/upstream/realm-trust.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { ManualClock } from "./manual-clock.ts";
import { app, captureLog, never } from "./open-upstream.ts";
import { startTokenRealm, type TokenQuestion, type TokenRealm } from "./token-realm.ts";

const basic = 'Basic realm="registry"';
const other = parseRepositoryName("team/other");

interface World extends AsyncDisposable {
  realm: TokenRealm;
  /** With the realm in it. */
  challenge: string;
  /** Where the source's credentials are. */
  path: string;
  account: Account;
  authorizer: Authorizer;
  clock: ManualClock;
  /** Everything logged. */
  lines: string[];
}

type OpenSource = (options: {
  path: string;
  clock: ManualClock;
  log: ReturnType<typeof captureLog>["log"];
}) => CredentialSource;

const passwordFile: OpenSource = ({ path, ...rest }) =>
  new PasswordSource({ username: "ann", password: { file: path }, ...rest });

const tokenFile: OpenSource = (options) => new TokenFileSource(options);

const dockerConfig: OpenSource = (options) =>
  new DockerConfigSource({ host: "registry.test", environment: {}, ...options });

const identityToken = (identitytoken: string) =>
  JSON.stringify({ auths: { "registry.test": { identitytoken } } });

interface WorldOptions {
  open?: OpenSource;
  /** In the source's file. */
  content?: string;
  /** Which questions get a token: all unless given. */
  grants?: (question: TokenQuestion) => boolean;
  base?: string;
}

/** Tokens are t1, t2, … */
async function openWorld({ open, content, grants, base }: WorldOptions): Promise<World> {
  await using made = new AsyncDisposableStack();
  const dir = made.use(await makeTempDir());
  let count = 0;
  const realm = made.use(
    await startTokenRealm((question) => {
      if (grants && !grants(question)) return { status: 401 };
      return { body: { token: `t${(count += 1)}`, expires_in: 300 } };
    }),
  );
  const path = join(dir.path, "credentials");
  if (content !== undefined) await writeFile(path, content);
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const sources = open ? [open({ path, clock, log })] : [];
  const account = new Accounts({ sources, clock }).choose();
  const authorizer = new Authorizer({
    account,
    base: new URL(base ?? realm.url),
    transport: realm.transport,
    trust: new RealmTrust({ tokenRealms: [], log }),
    clock,
    signal: never,
  });
  const challenge = `Bearer realm="${realm.url}",service="reg"`;
  const held = made.move();
  const dispose = () => held[Symbol.asyncDispose]();
  const world = { realm, challenge, path, account, authorizer, clock, lines };
  return { ...world, [Symbol.asyncDispose]: dispose };
}

const toNobody = () => false;

function basicOf(password: string): string {
  return `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`;
}

describe("an authorizer with a password", () => {
  test("shows it to a registry that wants it itself", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    expect(await world.authorizer.authorize(app)).toBeUndefined();
    expect(await world.authorizer.answerChallenge(app, basic, undefined)).toBe(basicOf("one"));
    expect(await world.authorizer.authorize(other)).toBe(basicOf("one"));
  });

  test("that was refused shows the one that is in the file by now", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    const { authorizer, path, account } = world;
    const shown = await authorizer.answerChallenge(app, basic, undefined);
    await writeFile(path, "two");
    expect(await authorizer.answerChallenge(app, basic, shown)).toBe(basicOf("two"));
    expect(account.isResting).toBe(false);
  });

  test("that was refused and is still the same fails, and the account rests", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    const { authorizer, account } = world;
    const shown = await authorizer.answerChallenge(app, basic, undefined);
    await expect(authorizer.answerChallenge(app, basic, shown)).rejects.toMatchObject({
      failure: "credentials",
    });
    expect(account.isResting).toBe(true);
  });

  test("that the token server refuses asks it again with the one that is in the file by now", async () => {
    const grants = ({ authorization }: TokenQuestion) => authorization === basicOf("two");
    await using world = await openWorld({ open: passwordFile, content: "one", grants });
    const { authorizer, path, account, challenge, realm } = world;
    await account.source?.get();
    await writeFile(path, "two");
    expect(await authorizer.answerChallenge(app, challenge, undefined)).toBe("Bearer t1");
    expect(realm.questions.map(({ authorization }) => authorization)).toEqual([
      basicOf("one"),
      basicOf("two"),
    ]);
    expect(account.isResting).toBe(false);
  });

  test.each([
    ["the same", "one", 1],
    ["another that is refused, too", "wrong", 2],
  ])("that the token server refuses gives up on %s", async (_, next, asked) => {
    await using world = await openWorld({ open: passwordFile, content: "one", grants: toNobody });
    const { authorizer, path, account, challenge, realm } = world;
    await account.source?.get();
    await writeFile(path, next);
    await expect(authorizer.answerChallenge(app, challenge, undefined)).rejects.toMatchObject({
      failure: "credentials",
    });
    expect(realm.questions).toHaveLength(asked);
    expect(account.isResting).toBe(true);
  });

  test("does not use tokens any more that it got with an earlier one", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    const { authorizer, path, challenge, clock, realm } = world;
    await authorizer.answerChallenge(app, challenge, undefined);
    expect(await authorizer.authorize(app)).toBe("Bearer t1");
    await writeFile(path, "other");
    clock.advance(1000);
    expect(await authorizer.authorize(app)).toBe("Bearer t2");
    expect(realm.questions.at(-1)?.authorization).toBe(basicOf("other"));
  });

  test("goes on with its tokens while the file is away", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    const { authorizer, path, challenge, clock } = world;
    await authorizer.answerChallenge(app, challenge, undefined);
    await rm(path);
    clock.advance(1000);
    expect(await authorizer.authorize(app)).toBe("Bearer t1");
  });

  test("that there never was fails, and the account rests", async () => {
    await using world = await openWorld({ open: passwordFile });
    const { authorizer, account, challenge } = world;
    await expect(authorizer.answerChallenge(app, challenge, undefined)).rejects.toMatchObject({
      failure: "credentials",
    });
    expect(account.isResting).toBe(true);
  });

  test("keeps it from a realm outside of the registry's domain", async () => {
    const base = "http://registry.test:5000";
    await using world = await openWorld({ open: passwordFile, content: "one", base });
    const { authorizer, challenge, realm, lines } = world;
    expect(await authorizer.answerChallenge(app, challenge, undefined)).toBe("Bearer t1");
    expect(realm.questions[0]).toMatchObject({ method: "GET", authorization: undefined });
    expect(lines).toHaveLength(1);
  });
});

describe("an authorizer with a token for the registry", () => {
  test.each([
    ["Basic", () => basic],
    ["a token of a token server", ({ challenge }: World) => challenge],
  ])("shows it where %s is wanted, and to nobody else", async (_, challengeOf) => {
    await using world = await openWorld({ open: tokenFile, content: "bearer.one" });
    const challenge = challengeOf(world);
    expect(await world.authorizer.answerChallenge(app, challenge, undefined)).toBe(
      "Bearer bearer.one",
    );
    expect(await world.authorizer.authorize(other)).toBe("Bearer bearer.one");
    expect(world.realm.questions).toEqual([]);
  });

  test("that was refused shows the next one, and fails where there is none", async () => {
    await using world = await openWorld({ open: tokenFile, content: "bearer.one" });
    const { authorizer, path, account, challenge } = world;
    const shown = await authorizer.answerChallenge(app, challenge, undefined);
    await writeFile(path, "bearer.two");
    const next = await authorizer.answerChallenge(app, challenge, shown);
    expect(next).toBe("Bearer bearer.two");
    await expect(authorizer.answerChallenge(app, challenge, next)).rejects.toMatchObject({
      failure: "credentials",
    });
    expect(account.isResting).toBe(true);
  });
});

describe("an authorizer with a refresh token", () => {
  test("exchanges it at the token server", async () => {
    const content = identityToken("refresh.me");
    await using world = await openWorld({ open: dockerConfig, content });
    const { authorizer, challenge, realm } = world;
    expect(await authorizer.answerChallenge(app, challenge, undefined)).toBe("Bearer t1");
    expect(realm.questions).toMatchObject([
      { method: "POST", form: { refresh_token: "refresh.me", scope: `repository:${app}:pull` } },
    ]);
  });

  test("that was refused exchanges the next one", async () => {
    const granted = "refresh.two";
    const grants = ({ form }: TokenQuestion) => form["refresh_token"] === granted;
    const content = identityToken("refresh.one");
    await using world = await openWorld({ open: dockerConfig, content, grants });
    const { authorizer, account, challenge, path, realm } = world;
    await account.source?.get();
    await writeFile(path, identityToken(granted));
    expect(await authorizer.answerChallenge(app, challenge, undefined)).toBe("Bearer t1");
    expect(realm.questions).toHaveLength(2);
  });

  test("does not show it to a realm outside of the registry's domain, nor to the registry", async () => {
    const base = "http://registry.test:5000";
    const content = identityToken("refresh.me");
    await using world = await openWorld({ open: dockerConfig, content, base });
    const { authorizer, account, challenge, realm } = world;
    expect(await authorizer.answerChallenge(app, challenge, undefined)).toBe("Bearer t1");
    expect(JSON.stringify(realm.questions)).not.toContain("refresh.me");
    await expect(authorizer.answerChallenge(app, basic, undefined)).rejects.toThrow(
      "wants a user name and a password",
    );
    expect(account.isResting).toBe(true);
  });
});

describe("an authorizer without credentials", () => {
  test("asks for tokens as nobody, and has nothing for a registry that wants a password", async () => {
    await using world = await openWorld({});
    const { authorizer, account, challenge, realm } = world;
    expect(await authorizer.answerChallenge(app, challenge, undefined)).toBe("Bearer t1");
    expect(realm.questions).toMatchObject([{ method: "GET", authorization: undefined }]);
    await expect(authorizer.answerChallenge(app, basic, undefined)).rejects.toMatchObject({
      failure: "denied",
    });
    expect(account.isResting).toBe(false);
  });
});

describe("explainRefusal", () => {
  test("blames credentials that were shown as they are, and lets the account rest", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    const shown = await world.authorizer.answerChallenge(app, basic, undefined);
    expect(world.authorizer.explainRefusal(shown)).toMatchObject({ failure: "credentials" });
    expect(world.account.isResting).toBe(true);
  });

  test("blames nobody for a token, which is about the repository", async () => {
    await using world = await openWorld({ open: passwordFile, content: "one" });
    const shown = await world.authorizer.answerChallenge(app, world.challenge, undefined);
    expect(world.authorizer.explainRefusal(shown)).toMatchObject({ failure: "denied" });
    expect(world.account.isResting).toBe(false);
  });
});
