import type { RemoteBlob } from "../../src/upstream/upstream.ts";

/** One after the other, each once it is asked for; the blob gets no further ahead than one chunk. */
export async function* chunksOf(remote: RemoteBlob): AsyncGenerator<Uint8Array, void> {
  let arrival = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  let chunk: Uint8Array | undefined;
  const reading = remote.readTo((next) => {
    chunk = next;
    room = Promise.withResolvers();
    arrival.resolve();
    return room.promise;
  });
  const end = () => {
    chunk = undefined;
    arrival.resolve();
  };
  reading.then(end, end);
  try {
    for (;;) {
      await arrival.promise;
      if (!chunk) break;
      arrival = Promise.withResolvers();
      yield chunk;
      room.resolve();
    }
    await reading;
  } finally {
    remote.close();
    room.resolve();
  }
}

/** All of it. */
export async function readRemote(remote: RemoteBlob): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  await remote.readTo((chunk) => void parts.push(chunk));
  return Buffer.concat(parts);
}
