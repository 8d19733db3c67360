import type { Database, Statement, Transaction } from "better-sqlite3";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { SqliteRepositories } from "./sqlite-repositories.ts";
import type { Intake, Traffic } from "./traffic-store.ts";

/** Traffic of one day, over all repositories. */
export type TrafficSum = Pick<Traffic, "kind" | "outcome" | "requests" | "bytes">;

/** Traffic of one day, of one repository. */
export interface RepositoryTraffic {
  repository: QualifiedName;
  requests: number;
  bytes: number;
}

/** No row of `repositories` has it. */
const noRepository = 0;

const addTrafficSql = `
  INSERT INTO traffic (day, repository_id, kind, outcome, requests, bytes)
  VALUES (@day, @repositoryId, @kind, @outcome, @requests, @bytes)
  ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests,
    bytes = bytes + excluded.bytes`;

const addIntakeSql = `
  INSERT INTO intake (day, bytes) VALUES (@day, @bytes)
  ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes`;

const sumDaySql = `
  SELECT kind, outcome, sum(requests) AS requests, sum(bytes) AS bytes
  FROM traffic WHERE day = ? GROUP BY kind, outcome`;

const sumDayByRepositorySql = `
  SELECT name AS repository, requests, bytes FROM (
    SELECT repository_id, sum(requests) AS requests, sum(bytes) AS bytes
    FROM traffic WHERE day = ? GROUP BY repository_id
  ) CROSS JOIN repositories ON repositories.id = repository_id`;

export class SqliteTraffic {
  readonly #nextDay: Statement<[number], number>;
  readonly #sumDay: Statement<[number], TrafficSum>;
  readonly #sumDayByRepository: Statement<[number], RepositoryTraffic>;
  readonly #sumIntake: Statement<[number], number>;
  readonly #add: Transaction<(traffic: readonly Traffic[], intake: readonly Intake[]) => void>;
  readonly #deleteBefore: Transaction<(day: number) => void>;

  constructor(database: Database, repositories: SqliteRepositories) {
    this.#nextDay = database
      .prepare<[number], number>("SELECT day FROM traffic WHERE day >= ? ORDER BY day LIMIT 1")
      .pluck();
    this.#sumDay = database.prepare(sumDaySql);
    this.#sumDayByRepository = database.prepare(sumDayByRepositorySql);
    this.#sumIntake = database
      .prepare<[number], number>("SELECT coalesce(sum(bytes), 0) FROM intake WHERE day >= ?")
      .pluck();
    const addTraffic = database.prepare(addTrafficSql);
    const addIntake = database.prepare(addIntakeSql);
    this.#add = database.transaction((traffic, intake) => {
      for (const { repository, ...counted } of traffic) {
        const repositoryId = repository ? repositories.ensure(repository) : noRepository;
        addTraffic.run({ ...counted, repositoryId });
      }
      for (const counted of intake) addIntake.run(counted);
    });
    const deletions = ["traffic", "intake"].map((table) =>
      database.prepare<[number]>(`DELETE FROM ${table} WHERE day < ?`),
    );
    this.#deleteBefore = database.transaction((day) => {
      for (const deletion of deletions) deletion.run(day);
    });
  }

  add(traffic: readonly Traffic[], intake: readonly Intake[]): void {
    this.#add.immediate(traffic, intake);
  }

  /** The first day from `since` on that has any. */
  findDay(since: number): number | undefined {
    return this.#nextDay.get(since);
  }

  sumDay(day: number): TrafficSum[] {
    return this.#sumDay.all(day);
  }

  sumDayByRepository(day: number): RepositoryTraffic[] {
    return this.#sumDayByRepository.all(day);
  }

  sumIntake(since: number): number {
    return this.#sumIntake.get(since) ?? 0;
  }

  deleteBefore(day: number): void {
    this.#deleteBefore.immediate(day);
  }
}
