// The payer's phone: shows open prompts, sends PINs and cancellations, holds phones. Data: the control API.
"use strict";

const POLL_MILLISECONDS = 1000;
const MOST_ANSWERS = 10;

const find = (id) => document.getElementById(id);
const shown = new Map(); // checkout id -> the article on the page
let held = [];

function normalise(text) {
  const digits = text.replace(/\D/g, "");
  const number = digits.replace(/^(?:254|0)?(?=[17]\d{8}$)/, "254");
  return /^254[17]\d{8}$/.test(number) ? number : null;
}

function readable(phone) {
  return phone.replace(/^254(\d{3})(\d{3})(\d{3})$/, "0$1 $2 $3");
}

async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) {
    throw new Error(answer && answer.error ? answer.error : `status ${response.status}`);
  }
  return answer;
}

function say(text) {
  find("number-note").textContent = text;
}

function askText(prompt) {
  const account = prompt.account_reference ? `, account ${prompt.account_reference}` : "";
  return `Pay KES ${prompt.amount.toLocaleString("en")} to ${prompt.party_b}${account}?`;
}

function timeText(prompt) {
  if (!prompt.answer_at) {
    return "This one stays open until somebody answers.";
  }
  const seconds = Math.max(0, Math.ceil((Date.parse(prompt.answer_at) - Date.now()) / 1000));
  return prompt.by_hand ? `Ends unanswered in ${seconds} s` : `Answered by itself in ${seconds} s`;
}

function remember(prompt) {
  const outcome = prompt.status === "paid" ? `${prompt.receipt} confirmed` : prompt.result_text;
  note(prompt.status, `${readable(prompt.phone)}: KES ${prompt.amount.toLocaleString("en")} - ${outcome}`);
}

function note(status, text) {
  const line = document.createElement("li");
  line.className = status;
  line.textContent = text;
  find("answers").prepend(line);
  while (find("answers").children.length > MOST_ANSWERS) {
    find("answers").lastChild.remove();
  }
  find("past").hidden = false;
}

async function act(prompt, action, body) {
  const buttons = shown.get(prompt.checkout_request_id)?.querySelectorAll("button") ?? [];
  buttons.forEach((button) => { button.disabled = true; });
  try {
    const id = encodeURIComponent(prompt.checkout_request_id);
    remember(await call("POST", `/control/prompts/${id}/${action}`, body));
    say("");
  } catch (error) {
    say(`Too late or not possible: ${error.message}`);
  }
  await refresh();
}

function build(prompt) {
  const article = find("prompt").content.firstElementChild.cloneNode(true);
  article.querySelector(".ask").textContent = askText(prompt);
  article.querySelector(".meta").textContent = `${readable(prompt.phone)} - ${prompt.checkout_request_id}`;
  const form = article.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(prompt, "approve", { pin: form.querySelector(".pin").value });
  });
  article.querySelector(".cancel").addEventListener("click", () => act(prompt, "cancel"));
  return article;
}

function showPrompts(prompts) {
  const open = new Set(prompts.map((prompt) => prompt.checkout_request_id));
  for (const [id, article] of shown) {
    if (!open.has(id)) {
      article.remove();
      shown.delete(id);
    }
  }
  for (const prompt of prompts) {
    if (!shown.has(prompt.checkout_request_id)) {
      shown.set(prompt.checkout_request_id, build(prompt));
      find("prompts").append(shown.get(prompt.checkout_request_id));
    }
    shown.get(prompt.checkout_request_id).querySelector(".left").textContent = timeText(prompt);
  }
  find("count").textContent = prompts.length;
  find("empty").hidden = prompts.length > 0;
}

function showHolds(phones) {
  held = phones;
  find("holds").replaceChildren(...phones.map((phone) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = `${readable(phone)} held - let go`;
    button.addEventListener("click", () => letGo(phone));
    item.append(button);
    return item;
  }));
  const phone = normalise(find("number").value);
  find("hold").disabled = phone !== null && held.includes(phone);
}

async function letGo(phone) {
  showHolds((await call("DELETE", `/control/holds/${phone}`)).phones);
}

async function holdPhone() {
  const phone = normalise(find("number").value);
  if (phone === null) {
    say("Type a Kenyan mobile number first, such as 0712 345 678.");
    return;
  }
  showHolds((await call("POST", "/control/holds", { phone })).phones);
  say(`${readable(phone)} is in your hand: its prompts wait for you.`);
  await refresh();
}

async function refresh() {
  const typed = find("number").value.trim();
  const phone = normalise(typed);
  if (typed && phone === null) {
    return;
  }
  const query = new URLSearchParams({ status: "open", limit: "50", ...(phone && { phone }) });
  try {
    showPrompts((await call("GET", `/control/book?${query}`)).prompts);
  } catch (error) {
    find("count").textContent = "?";
    say(`The simulator does not answer: ${error.message}`);
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, POLL_MILLISECONDS);
}

find("filter").addEventListener("submit", (event) => event.preventDefault());
find("hold").addEventListener("click", holdPhone);
find("number").addEventListener("input", () => {
  say("");
  showHolds(held);
  refresh();
});
call("GET", "/control/holds").then((answer) => showHolds(answer.phones)).catch(() => {});
poll();
