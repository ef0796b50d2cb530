"use strict";
{
  const root = document.documentElement;

  // The switch between light and dark, which begins as the system has it.
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const label = () => { theme.textContent = isDark() ? "Light mode" : "Dark mode"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  system.addEventListener("change", label);
  theme.hidden = false;
  label();

  // A choice among views; without this script they stand one below the other.
  for (const views of document.querySelectorAll(".views")) {
    const choice = views.querySelector("select");
    const all = [...views.querySelectorAll(".view")];
    const show = () => all.forEach((view, k) => { view.hidden = k !== choice.selectedIndex; });
    choice.addEventListener("change", show);
    choice.parentElement.hidden = false;
    show();
  }

  // A download of each figure: it is in the page already.
  for (const image of document.querySelectorAll("figure img")) {
    const link = document.createElement("a");
    link.className = "save";
    link.href = image.src;
    link.download = image.dataset.name + ".svg";
    link.textContent = "Download SVG";
    image.closest(".scroll").after(link);
  }

  // The value under the pointer. A spot is "left top right bottom text", in 1/10000 of the image.
  const PARTS = 1e4;
  const NEAR = 14;  // pixels to a spot without size
  const tip = document.getElementById("tip");
  const read = (line) => {
    const [left, top, right, bottom, ...words] = line.split(" ");
    return { left: +left, top: +top, right: +right, bottom: +bottom, text: words.join(" ") };
  };
  const nearest = (spots, x, y, frame) => {
    let found = null, best = Infinity;
    for (const spot of spots) {
      const area = (spot.right - spot.left) * (spot.bottom - spot.top);
      if (area === 0) {
        const dx = ((spot.left + spot.right) / 2 - x) * frame.width / PARTS;
        const dy = ((spot.top + spot.bottom) / 2 - y) * frame.height / PARTS;
        const gap = Math.hypot(dx, dy);
        if (gap < NEAR && gap - NEAR < best) { found = spot; best = gap - NEAR; }
      } else if (x >= spot.left && x <= spot.right && y >= spot.top && y <= spot.bottom
                 && area < best) { found = spot; best = area; }
    }
    return found;
  };
  for (const image of document.querySelectorAll("img[data-spots]")) {
    let spots = null;
    const point = (event) => {
      spots ??= image.dataset.spots.split("\n").map(read);
      const frame = image.getBoundingClientRect();
      const x = (event.clientX - frame.left) / frame.width * PARTS;
      const y = (event.clientY - frame.top) / frame.height * PARTS;
      const spot = nearest(spots, x, y, frame);
      tip.hidden = spot === null;
      if (spot === null) return;
      tip.textContent = spot.text;
      const room = root.clientWidth - tip.offsetWidth - 8;
      tip.style.left = Math.max(8, Math.min(event.clientX + 14, room)) + "px";
      const above = event.clientY - tip.offsetHeight - 12;
      tip.style.top = (above > 4 ? above : event.clientY + 18) + "px";
    };
    image.addEventListener("pointermove", point);
    image.addEventListener("pointerdown", point);
    image.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
}
