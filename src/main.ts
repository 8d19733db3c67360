#!/usr/bin/env node
/** What `engines` in package.json says; an older Node would fail at some import, unintelligibly. */
const neededMajor = 24;

if (Number.parseInt(process.versions.node, 10) >= neededMajor) {
  await import("./process-shell.ts");
} else {
  process.stderr.write(
    `entrepot needs Node.js ${neededMajor} or later, this is ${process.versions.node}; ` +
      "`npm start` brings its own\n",
  );
  process.exitCode = 1;
}
