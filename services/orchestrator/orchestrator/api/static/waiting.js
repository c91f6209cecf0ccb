// Looks again until something else answers here, and says meanwhile for what is waited.

const LOOK_EVERY_MS = 1_000;
const reason = document.getElementById("reason");

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = next.getElementById("reason");
    if (now === null) {
      location.reload();
      return;
    }
    // What did not change is not read out again.
    if (now.textContent !== reason.textContent) reason.textContent = now.textContent;
  } catch {
    reason.textContent = "The orchestrator does not answer.";
  }
  setTimeout(look, LOOK_EVERY_MS);
}

setTimeout(look, LOOK_EVERY_MS);
