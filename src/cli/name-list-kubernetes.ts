import { isCollection, isMap, isPair, visit, type Node, type YAMLMap } from "yaml";
import type { FoundNames } from "./found-names.ts";
import { isText, keyOf, type NameListYaml } from "./name-list-yaml.ts";

const containerKeys = ["containers", "initContainers", "ephemeralContainers"];

/**
 * The images of all containers and image volumes, at whatever depth: so it finds them in Pods,
 * CronJobs and Lists as well as in resources that nobody has heard of.
 */
export function findKubernetesNames(yaml: NameListYaml): FoundNames {
  const found: FoundNames = { names: [], problems: [] };
  const seen = new Set<Node>();
  for (const root of yaml.roots) {
    visit(root, {
      Pair: (_, pair) => {
        const key = keyOf(pair.key);
        const value = yaml.follow(pair.value);
        if (key === undefined || !isCollection(value)) return;
        if (!containerKeys.includes(key) && key !== "volumes") return;
        for (const entry of yaml.listValues(value)) {
          if (!isMap(entry) || seen.has(entry)) continue;
          seen.add(entry);
          addName(key === "volumes" ? findVolume(entry, yaml) : yaml.find(entry, "image"), {
            yaml,
            found,
          });
        }
      },
    });
  }
  return found;
}

/** https://kubernetes.io/docs/concepts/storage/volumes/#image */
function findVolume(volume: YAMLMap, yaml: NameListYaml): Node | undefined {
  const image = yaml.find(volume, "image");
  return isMap(image) ? yaml.find(image, "reference") : undefined;
}

/** Without an image it is a patch, or what some controller fills in. */
function addName(
  image: Node | undefined,
  { yaml, found }: { yaml: NameListYaml; found: FoundNames },
): void {
  if (image === undefined || isPair(image)) return;
  const line = yaml.lineOf(image);
  if (isText(image)) {
    if (image.value !== "") found.names.push({ name: image.value, line });
  } else {
    found.problems.push({ line, problem: "image is not text" });
  }
}
