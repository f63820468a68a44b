// Hands the token behind the # of a mailed link to the API. It leaves the address at once, and is kept nowhere.
"use strict";
(() => {
  const form = document.getElementById("deed");
  const told = document.getElementById("told");
  const token = new URLSearchParams(location.hash.slice(1)).get("code");
  history.replaceState(null, "", location.pathname);
  if (!token) {
    form.hidden = true;
    told.textContent = "The link is not whole: open it from the mail again, or copy all of it.";
    return;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const typed = [...new FormData(form)].filter(([, text]) => text !== "");
    const button = form.querySelector("button");
    button.disabled = true;
    told.textContent = "";
    try {
      const answer = await fetch(form.dataset.to, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        credentials: "omit",
        body: JSON.stringify({ ...Object.fromEntries(typed), token }),
      });
      if (answer.ok) {
        form.hidden = true;
        told.textContent = `${form.dataset.done} You may close this page.`;
        return;
      }
      const problem = await answer.json();
      const faults = (problem.errors || []).map((fault) => fault.detail);
      told.textContent = [...new Set([problem.detail, ...faults, problem.next_step])].filter(Boolean).join(" ");
    } catch {
      told.textContent = "The service cannot be reached. Try again soon.";
    }
    button.disabled = false;
  });
})();
