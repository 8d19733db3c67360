import base from "./jest.config.mjs";

/** Real processes and real clients, one test file at a time; `npm run test:e2e` runs it. */
export default {
  ...base,
  testMatch: ["<rootDir>/tests/e2e/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  globalSetup: "<rootDir>/tests/e2e/global-setup.mjs",
  maxWorkers: 1,
  testTimeout: 120_000,
};
