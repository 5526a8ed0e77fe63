// Asks the server with the user's own session. Addresses are relative to Airflow's base address.

import { word } from "./words.js";

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
  const known = typeof detail === "string" ? detail : JSON.stringify(detail ?? answer.statusText);
  const code = REASONS[answer.status] ?? "page.airflow_error";
  throw new Error(word(code, { status: answer.status, detail: known }));
}

export const words = () => ask("sancrm/words");

export const kinds = () => ask("sancrm/kinds");

export const grid = (kind, span) => ask(`sancrm/kinds/${kind}/grid?${new URLSearchParams(span)}`);

export const cell = (kind, day, subject) =>
  ask(`sancrm/kinds/${kind}/cell?${new URLSearchParams({ day, subject })}`);

export const trace = (kind, day, subject, figure) =>
  ask(`sancrm/kinds/${kind}/trace?${new URLSearchParams({ day, subject, figure })}`);

// Airflow's own endpoint: it decides whether this user may.
export const startBackfill = (body) =>
  ask("api/v2/backfills", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
