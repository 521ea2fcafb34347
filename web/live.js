// The operator's view: load, speed, latency, cache and errors, from /metrics.
import { byId, el, notice } from "./dom.js";
import { readMetrics as fetchMetrics } from "./api.js";
import { loadChart } from "./libraries.js";
import { growth, quantile, readMetrics, total } from "./metrics.js";

const EVERY_MS = 2000;
const POINTS = 150;   // five minutes

const CHARTS = [
  { title: "Tokens per second", series: [["answers", "rate"], ["prompts", "promptRate"]] },
  { title: "Requests", series: [["running", "running"], ["waiting", "waiting"]] },
  { title: "Cache, pages", series: [["in use", "pages"], ["kept for later", "pagesKept"]] },
  { title: "To the first token, seconds", series: [["half of them", "first50"], ["95%", "first95"]] },
  { title: "Between tokens, seconds", series: [["half of them", "next50"], ["95%", "next95"]] },
];

const CARDS = [
  ["Running", (p) => whole(p.running)],
  ["Waiting", (p) => whole(p.waiting)],
  ["Connections", (p) => whole(p.connections)],
  ["Tokens/s, answers", (p) => rate(p.rate)],
  ["Tokens/s, prompts", (p) => rate(p.promptRate)],
  ["Prompts from the cache", (p) => share(p.kept)],
  ["Cache in use", (p) => share(p.cache)],
  ["Weights and cache", (p) => gigabytes(p.memory)],
  ["First token, half of them", (p) => time(p.first50)],
  ["First token, 95%", (p) => time(p.first95)],
  ["Between tokens, half", (p) => time(p.next50)],
  ["Between tokens, 95%", (p) => time(p.next95)],
  ["Answers so far", (p) => whole(p.answers)],
  ["Clients that left", (p) => whole(p.cancelled)],
];

const whole = (value) => (value === null ? "–" : String(Math.round(value)));
const rate = (value) => (value === null ? "–" : value.toFixed(value < 10 ? 1 : 0));

const share = (value) => (value === null ? "–" : `${Math.round(100 * value)}%`);
const gigabytes = (value) => (value === null ? "–" : `${(value / 1e9).toPrecision(3)} GB`);

function time(seconds) {
  if (seconds === null) {
    return "–";
  }
  return seconds < 1 ? `${(1000 * seconds).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

let timer = 0;
let abort = null;
let before = null;   // { at, metrics }
let points = [];
let charts = null;
let values = [];   // elements of the cards

// ---- a reading ----

function pointOf(now, seconds, old) {
  const perSecond = (name) => {
    const grown = growth(old, now, name);
    return grown === null ? null : grown / seconds;
  };
  const part = (name, of) => {
    const [a, b] = [total(now, name), total(now, of)];
    return a === null || !b ? null : a / b;
  };
  const memory = total(now, "hearth_model_bytes");
  const point = {
    label: new Date().toLocaleTimeString(),
    running: total(now, "hearth_running"), waiting: total(now, "hearth_waiting"), connections: total(now, "hearth_connections"),
    answers: total(now, "hearth_answers_total"), cancelled: total(now, "hearth_answers_cancelled_total"),
    rate: perSecond("hearth_tokens_total"), promptRate: perSecond("hearth_prompt_tokens_total"),
    kept: part("hearth_prompt_tokens_kept_total", "hearth_prompt_tokens_total"),
    cache: part("hearth_cache_pages_used", "hearth_cache_pages"),
    pages: total(now, "hearth_cache_pages_used"), pagesKept: total(now, "hearth_cache_pages_kept"),
    memory: memory === null ? null : memory + (total(now, "hearth_cache_bytes") ?? 0),
  };
  for (const [name, metric] of [["first", "hearth_first_token_seconds"], ["next", "hearth_next_token_seconds"]]) {
    point[`${name}50`] = quantile(old, now, metric, 0.5);
    point[`${name}95`] = quantile(old, now, metric, 0.95);
  }
  return point;
}

// ---- what is shown ----

function showCards(point) {
  if (values.length === 0) {
    values = CARDS.map(() => el("p", { class: "value" }, "–"));
    byId("live-cards").replaceChildren(...CARDS.map(([title], i) => el("div", { class: "card" }, el("p", { class: "quiet" }, title), values[i])));
  }
  CARDS.forEach(([, text], i) => {
    values[i].textContent = text(point);
  });
}

function showErrors(metrics) {
  const rows = (metrics.get("hearth_errors_total") ?? []).filter((row) => row.value > 0);
  if (rows.length === 0) {
    byId("live-errors").replaceChildren(el("p", {}, "None since the server began."));
    return;
  }
  byId("live-errors").replaceChildren(el("table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Kind"), el("th", { scope: "col" }, "Answers"))),
    el("tbody", {}, ...rows.map((row) => el("tr", {},
      el("th", { scope: "row" }, [...row.labels].map(([name, value]) => `${name} ${value}`).join(", ")), el("td", {}, whole(row.value)))))));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function paint(chart) {
  chart.data.datasets.forEach((set, i) => {
    set.borderColor = set.backgroundColor = colour(`--chart-${i + 1}`);
  });
  for (const axis of Object.values(chart.options.scales)) {
    axis.ticks.color = colour("--quiet");
    axis.grid.color = colour("--soft");
  }
  chart.options.plugins.legend.labels.color = colour("--text");
  chart.update("none");
}

function makeChart(Chart, what) {
  const canvas = el("canvas", { role: "img", "aria-label": what.title });
  byId("live-charts").append(el("figure", {}, el("figcaption", {}, what.title), el("div", { class: "chart-box" }, canvas)));
  const axis = () => ({ ticks: { maxTicksLimit: 6, maxRotation: 0 }, grid: {} });
  const chart = new Chart(canvas, {
    type: "line",
    data: { labels: [], datasets: what.series.map(([label], i) => ({ label, data: [], borderWidth: 2, pointRadius: 0, borderDash: i === 0 ? [] : [6, 4] })) },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, spanGaps: true,
      scales: { x: axis(), y: { ...axis(), beginAtZero: true } },
      plugins: { legend: { labels: { boxHeight: 1 } } },
    },
  });
  paint(chart);
  return chart;
}

async function showCharts() {
  const Chart = await loadChart();
  charts ??= CHARTS.map((what) => makeChart(Chart, what));
  charts.forEach((chart, i) => {
    chart.data.labels = points.map((point) => point.label);
    chart.data.datasets.forEach((set, n) => {
      set.data = points.map((point) => point[CHARTS[i].series[n][1]]);
    });
    const last = chart.data.datasets.map((set) => `${set.label} ${rate(set.data.at(-1) ?? null)}`);
    chart.canvas.setAttribute("aria-label", `${CHARTS[i].title}, now: ${last.join(", ")}`);
    chart.update("none");
  });
}

// ---- again and again ----

async function look() {
  abort = new AbortController();
  try {
    const metrics = readMetrics(await fetchMetrics(abort.signal));
    const at = performance.now();
    const point = pointOf(metrics, before === null ? 1 : (at - before.at) / 1000, before?.metrics ?? null);
    before = { at, metrics };
    points = [...points.slice(1 - POINTS), point];
    notice("");
    showCards(point);
    showErrors(metrics);
    await showCharts();
  } catch (error) {
    if (error.name === "AbortError") {
      return;
    }
    notice(error.message);
    before = null;
  }
  timer = setTimeout(document.hidden ? wait : look, EVERY_MS);
}

// Nobody looks: nothing is asked.
function wait() {
  document.addEventListener("visibilitychange", look, { once: true });
}

export function showLive() {
  look();
}

export function hideLive() {
  clearTimeout(timer);
  abort?.abort();
  document.removeEventListener("visibilitychange", look);
  before = null;
  points = [];
}

export function startLive() {
  const repaint = () => charts?.forEach(paint);
  window.addEventListener("hearth-theme", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}
