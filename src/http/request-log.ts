import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { AnsweredRequest } from "../registry/statistics.ts";
import { describeAnswer } from "./answered-request.ts";
import type { RequestRecord, RequestScope } from "./request-scope.ts";

interface RequestLogOptions {
  log: Logger;
  scope: RequestScope;
  clock: Clock;
  /** Told of every request for content that was answered, when its response has ended. */
  onAnswered?: (answer: AnsweredRequest) => void;
}

const saneRequestId = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Gives each request its id and its scope, and writes one line when its response is finished or
 * its client gone. The line holds what was parsed and checked, never the URL as sent: a query may
 * carry secrets, and a path anything at all.
 */
export function logRequests({ log, scope, clock, onAnswered }: RequestLogOptions) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const startedAt = clock.monotonic();
    const record = startRecord(request);
    const client = request.socket.remoteAddress;
    response.setHeader("X-Request-Id", record.requestId);
    response.once("close", () => {
      const { repositoryKey: _, ...facts } = record;
      const line = {
        method: request.method,
        ...facts,
        ...describeEnd(response, record),
        ms: Math.round(clock.monotonic() - startedAt),
        client,
      };
      log[record.route === "healthz" ? "debug" : "info"](line, "request");
      const answer = describeAnswer(record, response);
      if (answer) onAnswered?.(answer);
    });
    scope.run(record, next);
  };
}

function startRecord(request: IncomingMessage): RequestRecord {
  const sent = request.headers["x-request-id"];
  const isSane = typeof sent === "string" && saneRequestId.test(sent);
  return {
    requestId: isSane ? sent : randomUUID(),
    route: "unknown",
    bytes: 0,
    upstreamAttempts: 0,
  };
}

/** A response that we broke off has its error noted; any other that did not finish, the client left. */
function describeEnd(response: ServerResponse, record: RequestRecord) {
  const hasClientLeft = !response.writableFinished && record.error === undefined;
  return {
    ...(response.headersSent && { status: response.statusCode }),
    ...(hasClientLeft && { aborted: true }),
  };
}
