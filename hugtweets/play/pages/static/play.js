"use strict";

// Everything that people or models wrote goes through textContent: nothing of it is ever read as HTML.

const BASE_NAME = "base model";
const KINDS = { post: "posts of no other kind", reply: "replies", thread: "posts that go on a thread", quote: "quotes" };
const SCORE = "hugtweets-score";
const element = (id) => document.getElementById(id);
let writing = null; // the AbortController of the posts being written

/* The token stands behind the # of the address, which browsers send to nobody. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("hugtweets-token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("hugtweets-token");
}

const token = takeToken();

async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ detail: `the answer was ${response.status}` }));
  throw new Error(problem.detail);
}

async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

function make(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/* What is read out begins with what is seen, and says of which post. */
function caption(control, text, name) {
  control.textContent = text;
  control.setAttribute("aria-label", `${text} ${name}`);
}

/* Voices */

async function showAccounts() {
  const { accounts } = await (await ask("/api/accounts")).json();
  for (const [index, { handle, base_model: base, kinds }] of accounts.entries()) {
    const label = make("label");
    const box = make("input");
    box.type = "checkbox";
    box.value = handle;
    box.checked = index === 0;
    box.dataset.kinds = kinds.join(" ");
    label.title = `learned from ${base}`;
    label.append(box, make("span", handle));
    element("accounts").append(label);
  }
  element("filter-line").hidden = accounts.length <= 12;
  showKinds();
  if (!accounts.length) element("status").textContent = "No account has a current model: run `hugtweets run HANDLE`.";
}

function showMatching() {
  const wanted = element("filter").value.trim().toLowerCase();
  for (const label of element("accounts").children) {
    const box = label.querySelector("input");
    label.hidden = !box.checked && !box.value.toLowerCase().includes(wanted);
  }
}

const chosenBoxes = () => [...element("accounts").querySelectorAll("input:checked")];
const chosenAccounts = () => chosenBoxes().map((box) => box.value);

/* The kinds of posts that all chosen models know; what was chosen stays if it is among them. */
function showKinds() {
  const known = chosenBoxes().map((box) => box.dataset.kinds.split(" ").filter(Boolean));
  const kinds = known.length ? known[0].filter((kind) => known.every((theirs) => theirs.includes(kind))) : [];
  const select = element("kind");
  const before = select.value;
  select.replaceChildren(new Option("posts of any kind", ""), ...kinds.map((kind) => new Option(KINDS[kind], kind)));
  select.value = kinds.includes(before) ? before : "";
  element("kind-line").hidden = !kinds.length;
}

/* Posts */

function fill(card, post, name) {
  card.classList.remove("unfinished");
  card.querySelector(".text").textContent = post.text;
  card.querySelector(".label").textContent = post.label.replace(/^generated /, "");
  const copy = card.querySelector(".copy");
  caption(copy, "Copy", name);
  copy.addEventListener("click", () => copyText(`${post.text}\n\n[${post.label}]`, copy, name));
  const compose = card.querySelector(".compose");
  compose.href = post.compose_url;
  caption(compose, "Open in X", name);
}

function newCard() {
  const card = element("post-template").content.firstElementChild.cloneNode(true);
  card.classList.add("unfinished");
  return card;
}

class Columns {
  constructor(handles, number) {
    this.cards = new Map();
    element("columns").replaceChildren(
      ...handles.map((handle) => {
        const column = make("section", undefined, "column");
        const cards = Array.from({ length: number }, newCard);
        column.append(make("h3", handle ?? BASE_NAME), ...cards);
        this.cards.set(handle, cards);
        return column;
      }),
    );
  }

  show({ handle, index, text }) {
    this.cards.get(handle)[index].querySelector(".text").textContent = text;
  }

  finish({ handle, index, post }) {
    const card = this.cards.get(handle)[index];
    const name = `post ${index + 1} of ${handle ?? BASE_NAME}`;
    fill(card, post, name);
    const keep = card.querySelector(".keep");
    caption(keep, "Keep", name);
    keep.addEventListener("click", () => keepPost(post, keep, name));
    element("arrivals").append(make("p", `Generated, ${name}: ${post.text}`));
  }

  clearUnfinished() {
    const cards = [...document.querySelectorAll("#columns .unfinished")];
    for (const card of cards) card.remove();
    return cards.length;
  }
}

function wantedPosts() {
  return {
    accounts: chosenAccounts(),
    base_model: element("base").checked,
    prompt: element("prompt").value,
    kind: element("kind").value || null,
    temperature: Number(element("temperature").value),
    top_p: Number(element("top-p").value),
    number: Number(element("number").value),
  };
}

function announcePlace(place) {
  const before = place === 1 ? "1 request comes" : `${place} requests come`;
  return place ? `Waiting: ${before} first.` : "Your turn, as soon as no other job computes on the device …";
}

async function write(event) {
  event.preventDefault();
  const wanted = wantedPosts();
  const status = element("status");
  if (!wanted.accounts.length) {
    status.textContent = "Choose an account first.";
    return;
  }
  writing?.abort();
  const mine = (writing = new AbortController());
  element("stop").hidden = false;
  element("arrivals").replaceChildren();
  const spelled = wanted.base_model ? [...wanted.accounts, null] : wanted.accounts;
  const columns = new Columns(spelled, wanted.number);
  try {
    const response = await ask("/api/posts", { method: "POST", body: wanted, signal: mine.signal });
    for await (const news of linesOf(response)) {
      if (news.event === "waiting") status.textContent = announcePlace(news.place);
      if (news.event === "writing") {
        columns.show(news);
        status.textContent = "Writing …";
      }
      if (news.event === "post") columns.finish(news);
      if (news.event === "failed") throw new Error(news.reason);
      if (news.event === "done") {
        const copies = columns.clearUnfinished();
        status.textContent = copies ? `Written, but for ${copies} that only copied real posts.` : "All posts are written.";
      }
    }
  } catch (error) {
    if (mine.signal.aborted && writing !== mine) return; // another request has taken its place
    columns.clearUnfinished();
    status.textContent = mine.signal.aborted ? "Stopped." : `That failed: ${error.message}`;
  }
  if (writing === mine) {
    element("stop").hidden = true;
    writing = null;
  }
}

async function copyText(text, button, name) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyOnPlainHttp(text);
  caption(button, "Copied", name);
  setTimeout(() => caption(button, "Copy", name), 1500);
}

/* Browsers give the clipboard to https and this machine only; a phone has this older way. */
function copyOnPlainHttp(text) {
  const area = make("textarea", text, "unseen");
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/* Favourites */

async function keepPost(post, button, name) {
  button.disabled = true;
  try {
    await ask("/api/favourites", { method: "POST", body: { post: post.id } });
    caption(button, "Kept", name);
    await showFavourites();
  } catch (error) {
    button.disabled = false;
    element("status").textContent = `That could not be kept: ${error.message}`;
  }
}

async function showFavourites() {
  const kept = await (await ask("/api/favourites")).json();
  element("no-favourites").hidden = kept.length > 0;
  element("kept").replaceChildren(
    ...kept.reverse().map((post, index) => {
      const card = newCard();
      const name = `favourite ${index + 1}`;
      fill(card, post, name);
      const remove = card.querySelector(".keep");
      caption(remove, "Remove", name);
      remove.addEventListener("click", async () => {
        await ask(`/api/favourites/${encodeURIComponent(post.id)}`, { method: "DELETE" });
        await showFavourites();
        element("favourites-heading").focus();
      });
      return card;
    }),
  );
}

/* Guess who */

const score = () => JSON.parse(localStorage.getItem(SCORE) ?? '{"right":0,"asked":0}');

function showScore() {
  const { right, asked } = score();
  element("score").textContent = `${right} of ${asked} right` + (asked ? "; blind guesses would get one in four" : "");
}

async function askQuestion() {
  const accounts = chosenAccounts();
  const status = element("quiz-status");
  if (!accounts.length) {
    status.textContent = "Choose an account first.";
    return;
  }
  element("ask").disabled = true;
  element("quiz").replaceChildren();
  status.textContent = "Three posts are being generated …";
  try {
    const quiz = await (await ask("/api/quiz", { method: "POST", body: { accounts } })).json();
    showQuestion(quiz);
    status.textContent = "";
  } catch (error) {
    status.textContent = `That failed: ${error.message}`;
  }
  element("ask").disabled = false;
}

function showQuestion(quiz) {
  showChoices("quiz", `Which of these did ${quiz.handle} really write?`, quiz.texts, (index, buttons) =>
    guess(quiz, index, buttons),
  );
}

/* A question and a button for each text. */
function showChoices(place, asked, given, choose) {
  const list = make("ol", undefined, "texts");
  const buttons = given.map((text, index) => {
    const button = make("button", text);
    button.type = "button";
    button.dir = "auto";
    button.addEventListener("click", () => choose(index, buttons));
    const item = make("li");
    item.append(button);
    list.append(item);
    return button;
  });
  const question = make("h3", asked);
  question.tabIndex = -1;
  element(place).replaceChildren(question, list);
  question.focus();
}

async function guess(quiz, choice, buttons) {
  for (const button of buttons) button.disabled = true;
  try {
    const path = `/api/quiz/${encodeURIComponent(quiz.id)}`;
    const verdict = await (await ask(path, { method: "POST", body: { choice } })).json();
    showVerdict(verdict, choice, buttons);
  } catch (error) {
    element("quiz-status").textContent = `That failed: ${error.message}`;
  }
}

function showVerdict({ right, real, written_at: writtenAt }, choice, buttons) {
  buttons.forEach((button, index) => {
    const isReal = index === real;
    if (isReal) button.classList.add("real");
    else if (index === choice) button.classList.add("wrong");
    const answer = make("span", undefined, "answer");
    if (isReal) answer.textContent = `real, ${writtenAt.slice(0, 10)}`;
    else answer.append(make("span", "generated", "made"));
    button.append(answer);
  });
  const now = score();
  const after = { right: now.right + (right ? 1 : 0), asked: now.asked + 1 };
  localStorage.setItem(SCORE, JSON.stringify(after));
  showScore();
  element("quiz-status").textContent = right ? "Right!" : `No: it was number ${real + 1}.`;
}

/* Compare two models */

async function askComparison() {
  const [account] = chosenAccounts();
  const status = element("compare-status");
  if (!account) {
    status.textContent = "Choose an account first.";
    return;
  }
  element("compare-ask").disabled = true;
  element("comparison").replaceChildren();
  status.textContent = "Two posts are being generated …";
  try {
    const comparison = await (await ask("/api/comparisons", { method: "POST", body: { account } })).json();
    const asked = `Which of these is more like ${comparison.handle}?`;
    showChoices("comparison", asked, comparison.texts, (index, buttons) => decide(comparison, index, buttons));
    status.textContent = "";
  } catch (error) {
    status.textContent = `That failed: ${error.message}`;
  }
  element("compare-ask").disabled = false;
}

async function decide(comparison, choice, buttons) {
  for (const button of buttons) button.disabled = true;
  try {
    const path = `/api/comparisons/${encodeURIComponent(comparison.id)}`;
    const { models } = await (await ask(path, { method: "POST", body: { choice } })).json();
    buttons.forEach((button, index) => button.append(make("span", `model ${models[index]}`, "answer")));
    element("compare-status").textContent = `You prefer model ${models[choice]}.`;
  } catch (error) {
    element("compare-status").textContent = `That failed: ${error.message}`;
  }
}

/* Beginning */

function showNumbers() {
  for (const name of ["temperature", "top-p"]) {
    element(`${name}-value`).textContent = Number(element(name).value).toFixed(2);
  }
}

async function begin() {
  element("form").addEventListener("submit", write);
  element("form").addEventListener("input", showNumbers);
  element("filter").addEventListener("input", showMatching);
  element("accounts").addEventListener("change", showKinds);
  element("stop").addEventListener("click", () => writing?.abort());
  element("ask").addEventListener("click", askQuestion);
  element("compare-ask").addEventListener("click", askComparison);
  element("restart").addEventListener("click", () => {
    localStorage.removeItem(SCORE);
    showScore();
  });
  element("favourites-heading").tabIndex = -1;
  showNumbers();
  showScore();
  try {
    await showAccounts();
    await showFavourites();
  } catch (error) {
    element("status").textContent = error.message;
  }
  document.body.dataset.ready = "true";
}

begin();
