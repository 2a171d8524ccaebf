// A part of a take is marked on its waveform, to be made anew while the rest stays: drag over it, or move its two ends by keyboard.
(() => {
  const SHORTEST_S = 0.1, STEP_S = 0.01;
  let marked = null; // the take that is being marked, and what is drawn on its card

  const made = (tag, set = {}) => Object.assign(document.createElement(tag), set);
  const clock = (seconds) => `${seconds.toFixed(2)} s`;

  const end = (label, seconds, value) => {
    const input = made('input', {type: 'range', min: 0, max: seconds, step: STEP_S, value});
    input.setAttribute('aria-label', label);
    return input;
  };

  const mark = (from, to) => {
    const {seconds, starts, ends, over, told, card} = marked, least = Math.min(SHORTEST_S, seconds);
    from = Math.min(Math.max(from, 0), seconds - least);
    to = Math.min(Math.max(to, from + least), seconds);
    Object.assign(marked, {from, to});
    starts.value = from;
    ends.value = to;
    starts.setAttribute('aria-valuetext', clock(from));
    ends.setAttribute('aria-valuetext', clock(to));
    over.style.setProperty('--from', from / seconds);
    over.style.setProperty('--to', to / seconds);
    told.textContent = `${from.toFixed(2)} – ${clock(to)}`;
    Object.assign(card.dataset, {from, to}); // playing it plays the part
  };

  const close = () => {
    const {card, over, bar} = marked;
    marked = null;
    over.remove();
    bar.remove();
    card.classList.remove('marking');
    delete card.dataset.from;
    delete card.dataset.to;
    card.querySelector('.stage').draggable = true;
    return card;
  };

  const redo = () => {
    const {token, name, from, to} = marked, card = close(), told = made('button', {type: 'button', hidden: true});
    Object.assign(told.dataset, {act: 'redo', on: 'apply', token, name, from: from.toFixed(3), to: to.toFixed(3)});
    card.append(told);
    told.click();
    told.remove();
    card.focus({preventScroll: true});
  };

  const drag = (event) => {
    if (event.target.matches('input') || event.button) return;
    event.preventDefault();
    const {over, seconds} = marked, at = (moved) => {
      const box = over.getBoundingClientRect();
      return Math.min(Math.max((moved.clientX - box.left) / box.width, 0), 1) * seconds;
    };
    const first = at(event), move = (moved) => { if (marked && Math.abs(at(moved) - first) > STEP_S) mark(Math.min(first, at(moved)), Math.max(first, at(moved))); };
    over.setPointerCapture(event.pointerId);
    over.addEventListener('pointermove', move);
    const done = () => over.removeEventListener('pointermove', move);
    over.addEventListener('pointerup', done, {once: true});
    over.addEventListener('pointercancel', done, {once: true});
  };

  const attach = (card) => { // again after every drawing of the column, which knows nothing of it
    const {over, bar, from, to} = marked, held = document.activeElement;
    if (marked.card !== card) { marked.card.classList.remove('marking'); delete marked.card.dataset.from; delete marked.card.dataset.to; }
    marked.card = card;
    const stage = card.querySelector('.stage');
    if (over.parentNode !== stage) stage.append(over);
    if (bar.parentNode !== card.querySelector('.about')) card.querySelector('.about').append(bar);
    if (!card.classList.contains('marking')) card.classList.add('marking');
    if (stage.draggable) stage.draggable = false;
    if (card.dataset.to !== String(to)) Object.assign(card.dataset, {from, to});
    if (marked.held && marked.held !== held && (held === document.body || card.contains(held))) marked.held.focus({preventScroll: true});
  };

  const open = (button) => {
    if (marked) close();
    const {token, name} = button.dataset, seconds = Number(button.dataset.seconds), card = button.closest('.card');
    const starts = end('Start of the part', seconds, seconds / 3), ends = end('End of the part', seconds, seconds * 2 / 3);
    const over = made('div', {className: 'renewed'}), bar = made('form', {className: 'parting'}), told = made('output');
    const go = made('button', {className: 'quiet strong', textContent: 'Redo'}), leave = made('button', {className: 'quiet', textContent: 'Cancel', type: 'button'});
    over.append(made('i'), starts, ends);
    bar.append(told, go, leave);
    marked = {token, name, seconds, card, starts, ends, over, bar, told, held: null};
    mark(seconds / 3, seconds * 2 / 3);
    attach(card);
    starts.addEventListener('input', () => mark(Math.min(Number(starts.value), marked.to - SHORTEST_S), marked.to));
    ends.addEventListener('input', () => mark(marked.from, Math.max(Number(ends.value), marked.from + SHORTEST_S)));
    over.addEventListener('pointerdown', drag);
    over.addEventListener('click', (event) => event.stopPropagation()); // a press here marks, and does not play from there
    leave.addEventListener('click', () => close().focus({preventScroll: true}));
    bar.addEventListener('submit', (event) => { event.preventDefault(); redo(); });
    for (const part of [over, bar]) {
      part.addEventListener('focusin', (event) => { if (marked) marked.held = event.target; });
      part.addEventListener('focusout', (event) => { if (marked && event.relatedTarget) marked.held = null; });
      part.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') close().focus({preventScroll: true});
        else if (event.key === 'Enter' && event.target.matches('input')) redo();
        else return;
        event.preventDefault();
        event.stopPropagation();
      });
    }
    starts.focus({preventScroll: true});
  };

  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-redo]');
    if (button) open(button);
  });

  new MutationObserver(() => {
    if (!marked) return;
    const card = document.querySelector(`#takes [data-redo][data-token="${marked.token}"]`)?.closest('.card');
    if (card) attach(card);
    else close();
  }).observe(document.documentElement, {childList: true, subtree: true, attributes: true, attributeFilter: ['class', 'draggable', 'data-token']});
})();
