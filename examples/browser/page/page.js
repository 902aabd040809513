import { Copy } from "./copy.js";
import { follow } from "./follow.js";

const app = "/example/chat";
const at = (id) => document.getElementById(id);
const show = (text) => (at("state").textContent = text);
let leave = new AbortController();

at("login").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  leave.abort();
  leave = new AbortController();
  const { username, password } = Object.fromEntries(new FormData(submitted.target));
  const answer = await fetch(app + "/token", {
    method: "POST",
    body: JSON.stringify({ grant_type: "password", username, password }),
  });
  const token = await answer.json();
  if (!answer.ok) return show(token.error_description);
  at("log").replaceChildren();
  const copy = new Copy();
  const signal = leave.signal;
  const end = await follow(app + "/chatgroups/night-watch/events", token.access_token, (e) => take(copy, e), show, signal);
  if (end && !signal.aborted) show("the end: " + end.error_description);
});

// take applies an event and shows what has changed.
function take(copy, e) {
  if (!copy.apply(e)) return;
  at("name").textContent = copy.name;
  at("announcement").textContent = copy.announcement;
  at("members").replaceChildren(
    ...[...copy.members].sort().map(([user, role]) => item(`${user} (${role}${copy.muted.has(user) ? ", muted" : ""})`)),
  );
  at("log").prepend(item(sentence(e)));
}

// item is a list entry. It is text: names and announcements come from users.
function item(text) {
  const li = document.createElement("li");
  li.textContent = text;
  return li;
}

function sentence(e) {
  const words = [e.at, e.kind.replaceAll("_", " ")];
  if (e.users) words.push(e.users.join(", "));
  if (e.actor) words.push("by " + e.actor);
  if (e.reason) words.push("because of " + e.reason);
  return words.join(" ");
}
