// Of a message whose answer never came: whether it is in its chat, and the run that goes on by that.

import { startRun } from "./api.js";
import { Notice } from "./notice.js";
import { word } from "./words.js";

const { createElement: h, Fragment, useState } = React;
const { Button, HStack, Link, Text } = ChakraUI;
const { Link: RouterLink } = ReactRouterDOM;

const ANSWERS = { arrived: "page.in_chat", resend: "page.not_in_chat" };

export function Decide({ dagId, decisions, mayRun }) {
  const [asked, setAsked] = useState("");
  const [error, setError] = useState("");
  const [runId, setRunId] = useState("");
  async function decide(answer) {
    setAsked(answer);
    setError("");
    try {
      setRunId((await startRun(dagId, decisions[answer])).dag_run_id);
    } catch (problem) {
      setError(problem.message);
    }
    setAsked("");
  }
  if (!mayRun) return h(Notice, { status: "info" }, word("page.may_not_decide"));
  if (runId) {
    return h(
      Fragment,
      null,
      h(Notice, { status: "success" }, word("page.deciding")),
      h(
        Link,
        { asChild: true, color: "fg.info" },
        h(RouterLink, { to: `/dags/${dagId}/runs/${encodeURIComponent(runId)}` }, word("page.run")),
      ),
    );
  }
  return h(
    Fragment,
    null,
    h(Text, { fontWeight: "semibold" }, word("page.is_in_chat")),
    h(
      HStack,
      { gap: 3, wrap: "wrap" },
      Object.entries(ANSWERS).map(([answer, code]) =>
        h(
          Button,
          {
            key: answer,
            size: "sm",
            variant: answer === "arrived" ? "solid" : "outline",
            colorPalette: "brand",
            loading: asked === answer,
            disabled: asked !== "",
            onClick: () => decide(answer),
          },
          word(code),
        ),
      ),
    ),
    error && h(Notice, { status: "error" }, error),
  );
}
