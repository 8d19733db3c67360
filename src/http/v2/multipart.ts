import { randomUUID } from "node:crypto";
import { formatContentRange, type ByteRange } from "../../oci/byte-range.ts";

interface Multipart {
  headers: { "Content-Type": string; "Content-Length": number };
  /** Ranges of the content, with their headings between them. */
  parts: (ByteRange | Uint8Array)[];
}

/** multipart/byteranges: RFC 9110, section 14.6. */
export function multipartByteRanges(
  ranges: readonly ByteRange[],
  { size, contentType }: { size: number; contentType: string },
): Multipart {
  // Unforeseeable, so that no content can hold it.
  const boundary = randomUUID();
  const parts: (ByteRange | Uint8Array)[] = [];
  for (const range of ranges) {
    const delimiter = `${parts.length === 0 ? "" : "\r\n"}--${boundary}\r\n`;
    const contentRange = formatContentRange(range, size);
    const heading = `Content-Type: ${contentType}\r\nContent-Range: ${contentRange}\r\n\r\n`;
    parts.push(Buffer.from(delimiter + heading), range);
  }
  parts.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  const length = parts.reduce((sum, part) => sum + partLength(part), 0);
  const type = `multipart/byteranges; boundary=${boundary}`;
  return { headers: { "Content-Type": type, "Content-Length": length }, parts };
}

function partLength(part: ByteRange | Uint8Array): number {
  return part instanceof Uint8Array ? part.length : part.end - part.start;
}
