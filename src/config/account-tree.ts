import type { AccountConfig } from "./config.ts";
import { mask, withoutAbsent, type Tree } from "./tree.ts";

/** The reverse of `toAccounts`, for one account. Names of files are no secrets. */
export function toAccountTree(account: AccountConfig): Tree {
  if (account.kind === "token") return { tokenFile: account.file };
  if (account.kind === "docker-config") return { dockerConfig: account.file };
  if (account.kind === "password") {
    const { username, password } = account;
    return "file" in password
      ? { username, passwordFile: password.file }
      : { username, password: mask };
  }
  const { kind, ...settings } = account;
  return { [kind]: withoutAbsent(settings) };
}
