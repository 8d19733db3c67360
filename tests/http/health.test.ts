import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { TestRegistry } from "./test-registry.ts";

describe("GET /healthz", () => {
  test("says that all is well", async () => {
    const response = await request(new TestRegistry().app).get("/healthz");
    expect(response.status).toBe(200);
    expect(response.text).toBe('{"status":"ok"}');
  });

  test("says what is not well, and that it serves all the same", async () => {
    const registry = new TestRegistry();
    registry.health = () => ({ status: "degraded", reasons: ["disk is full"] });
    const response = await request(registry.app).get("/healthz");
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ status: "degraded", reasons: ["disk is full"] });
  });

  test("turns load balancers away while draining", async () => {
    const registry = new TestRegistry();
    registry.isDraining = true;
    const response = await request(registry.app).get("/healthz");
    expect(response.status).toBe(503);
    expect(response.body).toEqual({ status: "draining" });
  });
});
