import { networkInterfaces } from "node:os";

/** A Docker daemon whose mirror fails asks Docker Hub itself; here it must have no way to. */
export default function refuseNetwork() {
  const open = Object.entries(networkInterfaces())
    .filter(([, addresses]) => addresses?.some(({ internal }) => !internal))
    .map(([name]) => name);
  if (open.length > 0) {
    throw new Error(`${open.join(", ")} is up: start these tests with tests/e2e/run.sh`);
  }
}
