// Paying a paybill or till by hand. Uses the helpers of phone.js, which is loaded first.
"use strict";

const payForm = find("pay");

function sayPaid(text) {
  find("pay-note").textContent = text;
}

function isTill() {
  return payForm.elements.kind.value === "till";
}

function showKind() {
  find("account").hidden = isTill();
  payForm.elements.bill_ref.required = !isTill();
}

function orderOf(phone) {
  const { number, bill_ref, amount, name } = payForm.elements;
  const to = isTill() ? { till: number.value.trim() } : { shortcode: number.value.trim(), bill_ref: bill_ref.value };
  return { ...to, amount: amount.value.trim(), phone, name: name.value };
}

function tell(order, answer) {
  const to = order.till ? `till ${order.till}` : `${order.shortcode}, account ${order.bill_ref}`;
  const outcome = answer.accepted ? `${answer.receipt} confirmed` : answer.refusal;
  note(answer.accepted ? "paid" : "failed", `${readable(order.phone)}: KES ${order.amount} to ${to} - ${outcome}`);
  sayPaid(answer.accepted ? `Paid. Receipt ${answer.receipt}.` : `Not paid (${answer.refusal_code}). ${answer.refusal}`);
}

async function payByHand(event) {
  event.preventDefault();
  const phone = normalise(payForm.elements.phone.value);
  if (phone === null) {
    sayPaid("Type a Kenyan mobile number, such as 0712 345 678.");
    return;
  }
  const button = payForm.querySelector("button");
  button.disabled = true;
  sayPaid("Asking the merchant ...");
  try {
    const order = orderOf(phone);
    tell(order, await call("POST", "/control/c2b", order));
  } catch (error) {
    sayPaid(`Not possible: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

payForm.addEventListener("submit", payByHand);
payForm.addEventListener("change", showKind);
showKind();
