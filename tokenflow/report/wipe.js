// The wipe: two sequences over one another, a line between them, frames that play.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("player").textContent);
  const stage = document.getElementById("wipe");
  const [under, over] = stage.querySelectorAll("img");
  const edge = stage.querySelector(".edge");
  const tags = stage.querySelectorAll(".tag");
  const control = (id) => document.getElementById(id);
  const a = control("wipe-a"), b = control("wipe-b"), slider = control("wipe-frame");
  // The line begins left of the middle: the edit is what one has come to see.
  const state = { a: 0, b: Math.min(1, data.names.length - 1), frame: 0, place: 30, difference: false, timer: null };

  // Decoded once, so that playing does not stutter.
  const pictures = data.pictures.map((all) => all.map((source) => { const one = new Image(); one.src = source; return one; }));

  function draw() {
    under.src = pictures[state.a][state.frame].src;
    over.src = pictures[state.b][state.frame].src;
    over.style.clipPath = state.difference ? "none" : `inset(0 0 0 ${state.place}%)`;
    edge.style.left = `${state.place}%`;
    tags[0].textContent = data.names[state.a];
    tags[1].textContent = data.names[state.b];
    a.value = state.a; b.value = state.b; slider.value = state.frame;
    control("wipe-number").textContent = data.frames[state.frame];
    control("wipe-play").textContent = state.timer ? "Stop" : "Play";
    control("wipe-difference").checked = state.difference;
    stage.classList.toggle("difference", state.difference);
    stage.setAttribute("aria-valuenow", Math.round(state.place));
    stage.setAttribute("aria-valuetext", `${data.names[state.a]} and ${data.names[state.b]}, frame ${data.frames[state.frame]}`);
  }

  function change(what) { Object.assign(state, what); draw(); }
  function step(by) { const n = data.frames.length; change({ frame: (state.frame + by + n) % n }); }
  function move(to) { change({ place: Math.max(0, Math.min(100, to)) }); }
  function swap() { change({ a: state.b, b: state.a }); }

  function play() {
    if (state.timer) { clearInterval(state.timer); state.timer = null; draw(); return; }
    state.timer = setInterval(() => step(1), 1000 / data.rate);
    draw();
  }

  function follow(event) {
    const box = stage.getBoundingClientRect();
    move(100 * (event.clientX - box.left) / box.width);
  }

  stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); follow(event); });
  stage.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });

  const keys = {
    ArrowLeft: (e) => (e.shiftKey ? move(state.place - 2) : step(-1)),
    ArrowRight: (e) => (e.shiftKey ? move(state.place + 2) : step(1)),
    Home: () => change({ frame: 0 }),
    End: () => change({ frame: data.frames.length - 1 }),
    " ": play,
    s: swap,
    d: () => change({ difference: !state.difference }),
  };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = Number(event.key) - 1;
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < data.names.length) change({ b: chosen });
    else if (keys[event.key]) keys[event.key](event);
    else return;
    event.preventDefault();
  });

  a.addEventListener("change", () => change({ a: Number(a.value) }));
  b.addEventListener("change", () => change({ b: Number(b.value) }));
  slider.addEventListener("input", () => change({ frame: Number(slider.value) }));
  control("wipe-play").addEventListener("click", play);
  control("wipe-swap").addEventListener("click", swap);
  control("wipe-difference").addEventListener("change", (event) => change({ difference: event.target.checked }));
  draw();
})();
