// Asks the server with the user's own session. Addresses are relative to Airflow's base address.

const REASONS = {
  401: "Вы вышли из Airflow. Войдите и обновите страницу.",
  403: "Ваша роль в Airflow этого не разрешает.",
  409: "По этому отчёту уже идёт бэкфилл. Airflow начнёт следующий, когда заметит конец этого: до полминуты. Подождите и нажмите ещё раз.",
};

async function ask(path, options) {
  const answer = await fetch(new URL(path, document.baseURI), options);
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  const known = typeof detail === "string" ? detail : JSON.stringify(detail ?? answer.statusText);
  throw new Error(REASONS[answer.status] ?? `Airflow ответил ${answer.status}: ${known}`);
}

export const kinds = () => ask("sancrm/kinds");

export const grid = (kind, span) => ask(`sancrm/kinds/${kind}/grid?${new URLSearchParams(span)}`);

export const cell = (kind, day, subject) =>
  ask(`sancrm/kinds/${kind}/cell?${new URLSearchParams({ day, subject })}`);

// Airflow's own endpoint: it decides whether this user may.
export const startBackfill = (body) =>
  ask("api/v2/backfills", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
