const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `12.3MiB`; three digits are enough for people. Takes what sizes may be written as, too. */
export function formatSize(bytes: number): string {
  let amount = bytes;
  let step = 0;
  while (round(amount) >= 1024 && step < units.length - 1) {
    amount /= 1024;
    step += 1;
  }
  return `${round(amount)}${units[step]}`;
}

function round(amount: number): number {
  return amount < 100 ? Math.round(amount * 10) / 10 : Math.round(amount);
}

/** `1 blob`, `12 blobs`, `1,234 blobs` */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** `93.1 %`; of nothing: `-`. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? "-" : `${Math.round((part / whole) * 1000) / 10} %`;
}
