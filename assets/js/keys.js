// The columns by keyboard: one sound is the current one, that which holds the focus or held it last.
(() => {
  const KEYS = {f: 'star', e: 'export', m: 'alike', s: 'seed', v: 'vary', p: 'perform', Delete: 'delete', Backspace: 'delete'};
  const FIELD = 'input, textarea, select, [contenteditable], [role=listbox], [role=tab], dialog';
  let last = null; // the column and the token of the sound that held the focus last

  const column = (sound) => sound.closest('#hits, #takes');
  const shown = (id) => [...document.querySelectorAll(`#${id} .card.sound`)]
    .filter((sound) => sound.offsetParent)
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
  const token = (sound) => sound.querySelector('[data-token]')?.dataset.token;
  const focused = () => document.activeElement?.closest?.('#results .card.sound');
  const current = () => focused() || (last && shown(last.id).find((sound) => token(sound) === last.token)) || null;

  const go = (sound) => {
    if (!sound) return;
    sound.focus({preventScroll: true});
    sound.scrollIntoView({block: 'nearest'});
  };

  const middle = (sound) => { const box = sound.getBoundingClientRect(); return box.top + box.height / 2; };

  const beside = (sound) => {
    const others = shown(column(sound).id === 'hits' ? 'takes' : 'hits');
    return others.sort((a, b) => Math.abs(middle(a) - middle(sound)) - Math.abs(middle(b) - middle(sound)))[0];
  };

  const move = (sound, key) => {
    if (key === 'ArrowLeft' || key === 'ArrowRight') return go((column(sound).id === 'hits') === (key === 'ArrowRight') ? beside(sound) : null);
    const all = shown(column(sound).id);
    return go(all[all.indexOf(sound) + (key === 'ArrowDown' ? 1 : -1)]);
  };

  document.addEventListener('keydown', (event) => {
    const at = event.target;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || at.closest?.(FIELD)) return;
    const outside = at !== document.body && !at.closest('#results');
    const sound = current();
    if (outside || (at.closest('button, a') && [' ', 'Enter'].includes(event.key))) return;
    if (!sound) {
      const first = shown('hits')[0] || shown('takes')[0];
      if (!first || !['ArrowDown', ' '].includes(event.key)) return;
      event.preventDefault();
      go(first);
      if (event.key === ' ') window.players.toggle(first);
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key.startsWith('Arrow')) move(sound, key);
    else if (key === ' ') { go(sound); window.players.toggle(sound); }
    else if (key === 'a') window.players.compare(sound);
    else if (key === 'r') sound.querySelector('[data-redo]')?.click();
    else if (KEYS[key]) sound.querySelector(`[data-act="${KEYS[key]}"]`)?.click();
    else return;
    event.preventDefault();
  });

  // browsers differ in whether a pressed button gets the focus; what was pressed is current everywhere
  document.addEventListener('click', (event) => {
    const sound = event.target.closest('#results .card.sound');
    if (sound && event.detail && !sound.contains(document.activeElement)) sound.focus({preventScroll: true});
  });

  document.addEventListener('focusin', (event) => {
    const sound = event.target.closest('#results .card.sound');
    if (sound) last = {id: column(sound).id, token: token(sound)};
  });

  // a column that is drawn again keeps its elements in their places: the focus follows the sound, and another view begins at its top
  const drawn = (area) => {
    const side = area.querySelector('.column');
    if (side && area.dataset.view !== side.dataset.view) {
      if (area.dataset.view) area.querySelector('.cards').scrollTop = 0;
      area.dataset.view = side.dataset.view;
      return;
    }
    const sound = focused();
    if (!sound || column(sound) !== area || last?.id !== area.id || token(sound) === last.token) return;
    const same = [...area.querySelectorAll('.card.sound')].find((one) => token(one) === last.token);
    const act = document.activeElement.dataset?.act;
    (same && act ? same.querySelector(`[data-act="${act}"]`) : same)?.focus({preventScroll: true});
    if (!same) last = {id: area.id, token: token(sound)};
  };

  const SECONDS_SHOWN = 10;
  let leaving;
  const offered = (area) => { // what was deleted is offered back for some seconds, longer where the pointer or the focus is on it
    clearTimeout(leaving);
    const bar = area.querySelector('.undo');
    if (!bar) return;
    leaving = setTimeout(() => (bar.matches(':hover, :focus-within') ? offered(area) : bar.classList.add('gone')), SECONDS_SHOWN * 1000);
  };

  const watch = (id, react) => {
    const area = document.getElementById(id);
    if (area) new MutationObserver(() => react(area)).observe(area, {childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['data-view', 'data-token', 'data-key']});
    return area;
  };
  const wait = setInterval(() => {
    if (!watch('hits', drawn)) return;
    watch('takes', drawn);
    watch('undo', offered);
    clearInterval(wait);
  }, 200);
})();
