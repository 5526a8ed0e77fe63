// Asks the server with the user's own session. Addresses are relative to Airflow's base address.

import { airflowsLanguage, word } from "./words.js";

const REASONS = {
  401: "page.signed_out",
  403: "page.forbidden",
  409: "page.backfill_runs",
  502: "page.no_crm",
  503: "page.no_ledger",
};

async function ask(path, options) {
  const answer = await fetch(new URL(path, document.baseURI), options);
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  // Our own refusals are sentences in the reader's language.
  if (path.startsWith("sancrm/") && [404, 422].includes(answer.status)) throw new Error(detail);
  const known = typeof detail === "string" ? detail : JSON.stringify(detail ?? answer.statusText);
  const code = REASONS[answer.status] ?? "page.airflow_error";
  throw new Error(word(code, { status: answer.status, detail: known }));
}

const ours = (path, values = {}) =>
  ask(`sancrm/${path}?${new URLSearchParams({ ...values, language: airflowsLanguage() })}`);

export const words = () => ours("words");

export const kinds = () => ours("kinds");

export const grid = (kind, span) => ours(`kinds/${kind}/grid`, span);

export const cell = (kind, day, subject) => ours(`kinds/${kind}/cell`, { day, subject });

export const trace = (kind, day, subject, figure) =>
  ours(`kinds/${kind}/trace`, { day, subject, figure });

// Airflow's own endpoints: they decide whether this user may.
const post = (path, body) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const startBackfill = (body) => post("api/v2/backfills", body);

export const startRun = (dagId, conf) =>
  post(`api/v2/dags/${dagId}/dagRuns`, { logical_date: null, conf });
