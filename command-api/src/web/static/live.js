"use strict";
// Keeps the list as it is: for every row that is told to have changed, asks the server for that row
// as it now looks. Knows no words of its own.
(() => {
  const rows = document.getElementById("rows");
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  if (!rows || !window.EventSource) return;

  const language = document.documentElement.lang;
  let last = null; // the last change that is on the page
  let source = null;
  let work = Promise.resolve();

  const localTimes = (part) => {
    for (const time of part.querySelectorAll("time")) {
      const date = new Date(time.dateTime);
      if (!isNaN(date)) {
        time.textContent = date.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
      }
    }
  };

  const show = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const row = template.content.querySelector("li");
    const old = document.getElementById(row.id);
    // The page may already be ahead of what it is told.
    if (old && Number(old.dataset.position) >= Number(row.dataset.position)) return;
    localTimes(row);
    if (old) {
      const focused = old.contains(document.activeElement);
      old.replaceWith(row);
      if (focused) {
        row.tabIndex = -1;
        (row.querySelector("button") || row).focus();
      }
    } else {
      rows.prepend(row);
    }
    if (!old || old.dataset.news !== row.dataset.news) {
      row.classList.add("fresh");
      news.textContent = row.dataset.news;
    }
  };

  const changed = async (event) => {
    if (event.target !== source) return;
    const query = new URLSearchParams({ lang: language, after: event.lastEventId });
    try {
      const answer = await fetch(`/web/rows/${JSON.parse(event.data)[rows.dataset.id]}?${query}`);
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.text());
      last = event.lastEventId;
    } catch {
      again(event.target);
    }
  };

  const connect = () => {
    const address = new URL(rows.dataset.changes, location.href);
    if (last !== null) address.searchParams.set("after", last);
    source = new EventSource(address);
    source.onopen = () => { live.dataset.state = "live"; };
    source.onerror = (event) => {
      live.dataset.state = "reconnecting";
      // The browser connects again by itself, unless it was told something else than to wait.
      if (event.target.readyState === EventSource.CLOSED) again(event.target);
    };
    // One after the other, so that a row never goes back.
    source.addEventListener("row", (event) => { work = work.then(() => changed(event)); });
  };

  const again = (failed) => {
    if (failed !== source) return;
    source.close();
    source = null;
    live.dataset.state = "reconnecting";
    setTimeout(connect, 2000);
  };

  localTimes(rows);
  live.dataset.state = "connecting";
  connect();
  // A page that is kept for the way back must not hold a connection meanwhile.
  addEventListener("pagehide", () => { if (source) source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
})();
