import SqliteDatabase, { type Database } from "better-sqlite3";

/** Past the store, to see and to spoil what it keeps. */
export function openRaw(path: string): Database & Disposable {
  const database = new SqliteDatabase(path);
  return Object.assign(database, { [Symbol.dispose]: () => void database.close() });
}
