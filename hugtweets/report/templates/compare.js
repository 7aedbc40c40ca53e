"use strict";
(() => {
  const { labels, accounts } = JSON.parse(document.getElementById("data").textContent);
  const choices = ["one", "other"].map((id) => document.getElementById(id));
  const names = ["name-one", "name-other"].map((id) => document.getElementById(id));
  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const figures = (chosen) =>
    labels.map((label, place) => {
      const row = document.createElement("tr");
      row.append(element("th", label, { scope: "row" }), ...chosen.map((account) => element("td", account.figures[place])));
      return row;
    });
  const posts = (chosen, handles) => {
    const prompts = [...new Set(chosen.flatMap((account) => account.posts.map(([prompt]) => prompt)))];
    return prompts.flatMap((prompt) => {
      const pair = element("div", "", { class: "pair" });
      chosen.forEach((account, place) => {
        const found = account.posts.find(([other]) => other === prompt);
        const side = document.createElement("div");
        side.append(element("span", `generated, by the model of ${handles[place]}`, { class: "meta" }));
        side.append(found ? element("blockquote", found[1], { class: "generated", dir: "auto" }) : element("p", "–"));
        pair.append(side);
      });
      return [element("h3", prompt || "(no prompt)", { dir: "auto" }), pair];
    });
  };
  const show = () => {
    const handles = choices.map((choice) => choice.value);
    const chosen = handles.map((handle) => accounts[handle]);
    if (chosen.some((account) => !account)) return;
    names.forEach((name, place) => { name.textContent = handles[place]; });
    document.getElementById("rows").replaceChildren(...figures(chosen));
    document.getElementById("posts").replaceChildren(...posts(chosen, handles));
    history.replaceState(null, "", `#${handles.join(",")}`);
  };
  const begin = () => {
    const asked = location.hash.slice(1).split(",").filter((handle) => Object.hasOwn(accounts, handle));
    const known = Object.keys(accounts);
    const one = asked[0] ?? known[0];
    choices[0].value = one;
    choices[1].value = asked[1] ?? known.find((handle) => handle !== one) ?? one;
    show();
  };
  for (const choice of choices) choice.addEventListener("change", show);
  window.addEventListener("hashchange", begin);
  begin();
})();
