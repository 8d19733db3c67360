import { toPrintable } from "./format-table.ts";

export interface TreeNode {
  text: string;
  children: TreeNode[];
}

/** The root and, below it, what it holds, joined by lines. */
export function formatTree({ text, children }: TreeNode): string[] {
  return [toPrintable(text), ...formatBranches(children)];
}

function formatBranches(nodes: TreeNode[]): string[] {
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const [first = "", ...rest] = formatTree(node);
    const below = isLast ? "   " : "│  ";
    return [`${isLast ? "└─ " : "├─ "}${first}`, ...rest.map((line) => below + line)];
  });
}
