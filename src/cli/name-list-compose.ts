import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import type { FoundNames } from "./found-names.ts";
import { expandComposeText } from "./name-list-variables.ts";
import { isText, type NameListYaml } from "./name-list-yaml.ts";

const wayOut = "write it out first: docker compose config | entrepot prefetch --file -";

/**
 * The images of all services, of whatever profile. One that is built and has no image is passed
 * over; what is in another file is a problem, as it would be missing otherwise.
 */
export function findComposeNames(yaml: NameListYaml, env: NodeJS.Dict<string>): FoundNames {
  const finder = new ComposeNames(yaml, env);
  for (const root of yaml.roots) if (isMap(root)) finder.addDocument(root);
  return finder.found;
}

class ComposeNames {
  readonly found: FoundNames = { names: [], problems: [] };
  readonly #yaml: NameListYaml;
  readonly #env: NodeJS.Dict<string>;

  constructor(yaml: NameListYaml, env: NodeJS.Dict<string>) {
    this.#yaml = yaml;
    this.#env = env;
  }

  addDocument(root: YAMLMap): void {
    const include = this.#yaml.find(root, "include");
    if (include) this.#complain(include, `includes other files, which are not read; ${wayOut}`);
    const services = this.#yaml.find(root, "services");
    if (!isMap(services)) return;
    for (const [name, service] of this.#yaml.entriesOf(services)) {
      if (isMap(service)) this.#addService(name, service);
    }
  }

  #addService(name: string, service: YAMLMap): void {
    const image = this.#yaml.find(service, "image");
    if (image === undefined || isEmpty(image)) this.#addWithoutImage(name, service);
    else if (isText(image)) this.#addImage(name, image.value, image);
    else this.#complain(image, `image of service ${name} is not text`);
  }

  #addImage(service: string, written: string, node: Node): void {
    const { text, unset, problem } = expandComposeText(written, this.#env);
    if (problem !== undefined) {
      this.#complain(node, `image of service ${service}: ${problem}`);
      return;
    }
    const line = this.#yaml.lineOf(node);
    const hint = unset.length > 0 ? { hint: `not set: ${unset.join(", ")}` } : {};
    this.found.names.push({ name: text.trim(), line, ...hint });
  }

  #addWithoutImage(name: string, service: YAMLMap): void {
    if (this.#yaml.find(service, "build")) return;
    const base = this.#yaml.find(service, "extends");
    if (!base) {
      this.#complain(service, `service ${name} has neither image nor build`);
    } else if (isMap(base) && this.#yaml.find(base, "file")) {
      this.#complain(base, `service ${name} extends one of another file; ${wayOut}`);
    }
  }

  #complain(node: Node, problem: string): void {
    this.found.problems.push({ line: this.#yaml.lineOf(node), problem });
  }
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && (node.value === null || node.value === "");
}
