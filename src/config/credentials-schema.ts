import { z } from "zod";
import { secretFile } from "./file-values.ts";
import { isTree, type Tree } from "./tree.ts";
import { text } from "./values.ts";

/** Cross checks also run where single settings are wrong, so that all problems show at once. */
const always = { when: () => true };

/** Where keys come from, of which at most one is there. */
const ecr = z
  .strictObject({
    region: text
      .regex(/^[a-z0-9-]+$/, "is not a region; write one such as eu-central-1")
      .optional(),
    accessKeyId: text.optional(),
    secretAccessKeyFile: secretFile.optional(),
    credentialsFile: secretFile.optional(),
    profile: text.optional(),
  })
  .superRefine((value: unknown, context) => {
    const given = givenKeys(value);
    if (given.has("accessKeyId") !== given.has("secretAccessKeyFile")) {
      context.addIssue("need both accessKeyId and secretAccessKeyFile, or none of them");
    } else if (given.has("accessKeyId") && (given.has("credentialsFile") || given.has("profile"))) {
      context.addIssue("need one of accessKeyId and credentialsFile with profile, not both");
    }
  }, always);

const gcp = z.strictObject({ keyFile: secretFile.optional() });

const acr = z
  .strictObject({
    tenant: text.optional(),
    clientId: text.optional(),
    clientSecretFile: secretFile.optional(),
  })
  .superRefine((value: unknown, context) => {
    const given = givenKeys(value);
    const isWhole = given.has("tenant") && given.has("clientId");
    if (given.has("clientSecretFile") && !isWhole) {
      context.addIssue("need tenant and clientId along with clientSecretFile");
    }
  }, always);

/** One account. Every form in one mapping, so that variables of the environment can set each key. */
export const credentials = z
  .strictObject({
    username: text
      .refine((name) => !name.includes(":"), "holds a colon, which HTTP does not allow")
      .optional(),
    password: text.optional(),
    passwordFile: secretFile.optional(),
    tokenFile: secretFile.optional(),
    dockerConfig: secretFile.optional(),
    ecr: ecr.optional(),
    gcp: gcp.optional(),
    acr: acr.optional(),
  })
  .superRefine(checkForm, always);

const passwordKeys = ["username", "password", "passwordFile"];
const otherForms = ["tokenFile", "dockerConfig", "ecr", "gcp", "acr"];

function checkForm(value: unknown, context: z.RefinementCtx): void {
  if (!isTree(value)) return;
  const given = givenKeys(value);
  const hasPassword = passwordKeys.some((key) => given.has(key));
  const others = otherForms.filter((key) => given.has(key));
  if (others.length + (hasPassword ? 1 : 0) !== 1) {
    context.addIssue(`need exactly one of username, ${otherForms.join(", ")}`);
  } else if (hasPassword) {
    checkPassword(value, context);
  }
}

function checkPassword(value: Tree, context: z.RefinementCtx): void {
  const given = givenKeys(value);
  if (given.has("password") === given.has("passwordFile")) {
    context.addIssue("need exactly one of password and passwordFile");
  }
  if (!given.has("username")) {
    context.addIssue({ code: "custom", path: ["username"], message: "is missing" });
  }
}

function givenKeys(value: unknown): Set<string> {
  const entries = isTree(value) ? Object.entries(value) : [];
  return new Set(entries.filter(([, given]) => given !== undefined).map(([key]) => key));
}
