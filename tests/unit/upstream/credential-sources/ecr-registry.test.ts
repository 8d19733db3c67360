import { describe, expect, test } from "@jest/globals";
import { findEcrService } from "../../../../src/upstream/credential-sources/ecr-registry.ts";

describe("findEcrService", () => {
  test.each([
    ["dkr.ecr.eu-central-1.amazonaws.com", "api.ecr.eu-central-1.amazonaws.com"],
    ["dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ecr-fips.us-gov-west-1.amazonaws.com"],
    ["dkr.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn"],
    ["dkr.ecr.eusc-de-east-1.amazonaws.eu", "api.ecr.eusc-de-east-1.amazonaws.eu"],
    ["dkr-ecr.us-east-2.on.aws", "ecr.us-east-2.api.aws"],
    ["dkr-ecr-fips.us-east-2.on.aws", "ecr-fips.us-east-2.api.aws"],
  ])("knows that tokens for 123456789012.%s are given out at %s", (host, api) => {
    const { kind, apiUrl } = findEcrService(`123456789012.${host}`, undefined);
    expect({ kind, apiUrl }).toEqual({ kind: "private", apiUrl: `https://${api}` });
  });

  test.each([
    ["123456789012.dkr.ecr.eu-central-1.amazonaws.com", "sts.eu-central-1.amazonaws.com"],
    ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"],
    ["123456789012.dkr-ecr.us-east-2.on.aws", "sts.us-east-2.amazonaws.com"],
  ])("has roles for %s assumed in its own region", (host, sts) => {
    expect(findEcrService(host, undefined).stsUrl).toBe(`https://${sts}`);
  });

  test("knows the one place for public repositories, whatever region is configured", () => {
    expect(findEcrService("public.ecr.aws", "eu-central-1")).toMatchObject({
      kind: "public",
      region: "us-east-1",
      apiUrl: "https://api.ecr-public.us-east-1.amazonaws.com",
    });
  });

  test.each([
    ["eu-central-1", "https://api.ecr.eu-central-1.amazonaws.com"],
    ["cn-north-1", "https://api.ecr.cn-north-1.amazonaws.com.cn"],
  ])("takes the configured region %s for any other host", (region, apiUrl) => {
    expect(findEcrService("registry.example", region)).toMatchObject({ region, apiUrl });
  });

  test.each([
    ["registry.example", undefined],
    ["123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example", undefined],
    ["12345.dkr.ecr.eu-central-1.amazonaws.com", undefined],
    ["registry.example", "evil.example/"],
  ])("finds none for %s with the region %s", (host, region) => {
    expect(() => findEcrService(host, region)).toThrow("set one, like eu-central-1");
  });
});
