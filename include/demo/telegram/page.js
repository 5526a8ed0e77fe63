(() => {
  "use strict";
  const phone = document.getElementById("phone");
  document.documentElement.classList.add("js");

  const toEnd = (room) => { const wall = room.querySelector(".wall"); wall.scrollTop = wall.scrollHeight; };

  // Show the chat that the address names (or the one that holds the named message), else the first.
  const show = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const rooms = [...phone.querySelectorAll(".room")];
    const shown = target?.closest(".room") ?? rooms.find((room) => !room.hidden) ?? rooms[0];
    for (const room of rooms) {
      const opened = room.hidden && room === shown;
      room.hidden = room !== shown;
      if (opened) toEnd(room);
    }
    for (const link of phone.querySelectorAll(".rooms a")) {
      const current = shown && link.hash === "#" + shown.id;
      if (current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (target?.matches(".row")) target.scrollIntoView({ block: "center" });
  };

  // Bring a list to the state of the fresh one, touching only what differs.
  const mergeList = (list, fresh) => {
    const wanted = new Set([...fresh.children].map((item) => item.id));
    for (const item of [...list.children]) if (!wanted.has(item.id)) item.remove();
    [...fresh.children].forEach((item, place) => {
      const current = list.children[place];
      if (current?.id !== item.id) {
        item.classList.add("new");
        list.insertBefore(item, current ?? null);
      } else {
        if (current.classList.contains("new")) item.classList.add("new");
        if (!current.isEqualNode(item)) current.replaceWith(item);
      }
    });
  };

  const merge = (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    phone.querySelector(".rooms").replaceWith(fresh.content.querySelector(".rooms"));
    for (const room of [...fresh.content.querySelectorAll(".room")]) {
      const current = document.getElementById(room.id);
      if (!current) {
        room.hidden = true;
        phone.append(room);
        continue;
      }
      const wall = current.querySelector(".wall");
      const atEnd = wall.scrollHeight - wall.scrollTop - wall.clientHeight < 80;
      current.querySelector(".head").replaceWith(room.querySelector(".head"));
      mergeList(wall.querySelector("ol"), room.querySelector("ol"));
      if (atEnd) toEnd(current);
    }
    show();
  };

  let version = phone.dataset.version;
  const poll = async () => {
    try {
      const answer = await fetch("feed?version=" + version);
      if (answer.status === 200) {
        const news = await answer.json();
        version = news.version;
        merge(news.html);
      }
    } catch { /* the server is away: ask again later */ }
    setTimeout(poll, 400);
  };

  addEventListener("hashchange", show);
  const rooms = [...phone.querySelectorAll(".room")];
  rooms.slice(1).forEach((room) => { room.hidden = true; });
  rooms.forEach(toEnd);
  show();
  if (version !== undefined) poll();
})();
