import type { z } from "zod";
import type { AccountConfig } from "./config.ts";
import type { credentials } from "./credentials-schema.ts";

type AccountSettings = z.output<typeof credentials>;

/** One entry: the checks have seen to it that exactly one form is there. */
export function toAccounts(written: AccountSettings): AccountConfig[] {
  const { username, tokenFile, dockerConfig, ecr, gcp, acr } = written;
  const password = toPassword(written);
  if (username !== undefined && password) return [{ kind: "password", username, password }];
  if (tokenFile !== undefined) return [{ kind: "token", file: tokenFile }];
  if (dockerConfig !== undefined) return [{ kind: "docker-config", file: dockerConfig }];
  if (ecr) return [toEcrAccount(ecr)];
  if (gcp) return [{ kind: "gcp", keyFile: gcp.keyFile }];
  return acr ? [toAcrAccount(acr)] : [];
}

function toPassword({ password, passwordFile }: AccountSettings) {
  if (password !== undefined) return { text: password };
  return passwordFile === undefined ? undefined : { file: passwordFile };
}

function toEcrAccount(written: NonNullable<AccountSettings["ecr"]>): AccountConfig {
  const { region, accessKeyId, secretAccessKeyFile, credentialsFile, profile } = written;
  return { kind: "ecr", region, accessKeyId, secretAccessKeyFile, credentialsFile, profile };
}

function toAcrAccount(written: NonNullable<AccountSettings["acr"]>): AccountConfig {
  const { tenant, clientId, clientSecretFile } = written;
  return { kind: "acr", tenant, clientId, clientSecretFile };
}
