// Prometheus' text format, as far as /metrics uses it, and what two readings of it say.

// A map of names to [{ labels, value }].
export function readMetrics(text) {
  const metrics = new Map();
  for (const line of text.split("\n")) {
    const found = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (found === null) {
      continue;   // a comment
    }
    const labels = new Map([...(found[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]]));
    const value = found[3] === "+Inf" ? Infinity : Number(found[3]);
    metrics.set(found[1], [...(metrics.get(found[1]) ?? []), { labels, value }]);
  }
  return metrics;
}

// Over all labels; null where there is no such metric.
export function total(metrics, name) {
  const rows = metrics.get(name);
  return rows === undefined ? null : rows.reduce((sum, row) => sum + row.value, 0);
}

// By how much it grew; null at first and where the server began anew.
export function growth(before, now, name) {
  const a = before === null ? null : total(before, name);
  const b = total(now, name);
  return a === null || b === null || b < a ? null : b - a;
}

// Of a histogram, the value below which the share `q` of what came between two readings lies (or of all, with `before`
// null); null where nothing came. Within a bucket it is taken for even.
export function quantile(before, now, name, q) {
  const old = new Map((before?.get(`${name}_bucket`) ?? []).map((row) => [row.labels.get("le"), row.value]));
  const buckets = new Map();
  for (const row of now.get(`${name}_bucket`) ?? []) {   // of several models one
    const bound = row.labels.get("le");
    buckets.set(bound, (buckets.get(bound) ?? 0) + row.value - (old.get(bound) ?? 0));
  }
  const rows = [...buckets].map(([bound, count]) => [bound === "+Inf" ? Infinity : Number(bound), count]).sort((a, b) => a[0] - b[0]);
  const all = rows.length > 0 ? rows[rows.length - 1][1] : 0;
  let [low, below] = [0, 0];
  for (const [bound, count] of rows) {
    if (all > 0 && count >= q * all) {
      return bound === Infinity ? low : low + ((bound - low) * (q * all - below)) / Math.max(count - below, 1e-9);
    }
    [low, below] = [bound, count];
  }
  return null;
}
