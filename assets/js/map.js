// The map of the library: <sound-map src="..." label="..."> shows its points; one is played, some are chosen, categories are picked out.
(() => {
  const STYLE = `
    :host { display: block; position: relative; }
    .stage { position: relative; height: var(--map-height, 560px); border-radius: 14px; overflow: hidden; background: var(--well); border: 1px solid var(--edge); box-sizing: border-box; }
    canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; cursor: crosshair; display: block; border-radius: 13px; }
    canvas[data-mode=move] { cursor: grab; }
    canvas[data-mode=move]:active { cursor: grabbing; }
    canvas.over { cursor: pointer; }
    canvas:focus { outline: none; }
    canvas:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
    .tip { position: absolute; max-width: 260px; pointer-events: none; background: var(--raised); color: var(--ink); border: 1px solid var(--edge); border-radius: 10px; padding: 6px 10px; font: 12.5px/1.4 inherit; font-family: inherit; box-shadow: var(--shade); }
    .tip[hidden] { display: none; }
    .tip b { display: block; font-weight: 620; overflow-wrap: anywhere; }
    .tip :is(span, small) { display: block; color: var(--soft); }
    .tip small { font-size: 12px; color: var(--faint); }
    .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    .zoom { position: absolute; right: 10px; top: 10px; display: flex; flex-direction: column; gap: 4px; }
    button { font: inherit; color: var(--soft); cursor: pointer; }
    .zoom button { width: 32px; height: 32px; border-radius: 9px; border: 1px solid var(--edge); background: var(--raised); font-size: 16px; line-height: 1; padding: 0; }
    .modes { position: absolute; left: 10px; top: 10px; display: flex; padding: 2px; border-radius: 9px; border: 1px solid var(--edge); background: var(--raised); }
    .modes button { border: 0; border-radius: 7px; background: transparent; font-size: 12px; padding: 0 9px; min-height: 26px; }
    .modes button[aria-pressed=true] { background: var(--well); color: var(--ink); font-weight: 600; }
    .modes button:disabled { opacity: .45; cursor: default; }
    .legend { display: flex; flex-wrap: wrap; gap: 2px 4px; margin-top: 8px; font-size: 12px; }
    .legend button { border: 0; background: transparent; padding: 4px 8px; border-radius: 8px; min-height: 28px; max-width: 220px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .legend button::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; background: var(--dot); margin-right: 6px; }
    .legend button[aria-pressed=true] { background: var(--raised); color: var(--ink); box-shadow: 0 0 0 1px var(--edge); }
    .legend button:hover, .zoom button:hover, .modes button:hover { color: var(--ink); }
    button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }`;
  const POINT = ['x', 'y', 'category', 'name', 'caption', 'token', 'seconds', 'suffix'];

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const button = (text, label, press) => {
    const made = element('button', {type: 'button', textContent: text, title: label});
    made.setAttribute('aria-label', label);
    made.addEventListener('click', press);
    return made;
  };

  const inside = (x, y, line) => {
    let within = false;
    for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
      const [ax, ay] = line[i], [bx, by] = line[j];
      if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
    }
    return within;
  };

  const escaped = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

  class SoundMap extends HTMLElement {
    static observedAttributes = ['src', 'label'];
    points = [];
    categories = [];
    lit = new Set(); // tokens of the sounds that the list holds
    only = null; // the category that the legend picked out
    #meant = -1; // the point under the pointer, or reached by keyboard
    #line = null;
    #counts = (point) => this.only === null || point.category === this.only;

    constructor() {
      super();
      const root = this.attachShadow({mode: 'open'}), canvas = element('canvas', {tabIndex: 0});
      canvas.setAttribute('role', 'application');
      canvas.addEventListener('blur', () => this.meant(null));
      this.canvas = canvas;
      this.view = new window.MapView(canvas, () => this.#seen());
      this.hands = new window.MapHands(this.view, this);
      this.tip = element('div', {className: 'tip', hidden: true});
      this.said = element('div', {className: 'said'});
      this.said.setAttribute('aria-live', 'polite');
      this.legend = element('div', {className: 'legend'});
      this.modes = ['move', 'lasso'].map((mode) => {
        const [text, label] = mode === 'move' ? ['Move', 'Move: drag to move the map'] : ['Lasso', 'Lasso: drag around sounds to select them (Shift and drag)'];
        const made = button(text, label, () => { this.hands.mode = mode; this.#seen(); });
        made.dataset.mode = mode;
        return made;
      });
      const closer = [['+', 'Closer', 1.6], ['−', 'Further', 1 / 1.6], ['⤢', 'The whole map (double click)', 0]];
      const modes = element('div', {className: 'modes'}, ...this.modes);
      modes.setAttribute('role', 'group');
      modes.setAttribute('aria-label', 'What dragging does');
      const stage = element('div', {className: 'stage'}, canvas, this.tip, modes);
      stage.append(element('div', {className: 'zoom'}, ...closer.map(([text, label, factor]) => button(text, label, () => this.view.zoomAt(factor)))), this.said);
      root.append(element('style', {textContent: STYLE}), stage, this.legend);
    }

    connectedCallback() {
      this.resized = new ResizeObserver(() => this.#seen());
      this.resized.observe(this.canvas);
      this.themed = new MutationObserver(() => this.#named());
      this.themed.observe(document.body, {attributes: true, attributeFilter: ['class']});
      const list = document.querySelector('#library-list');
      this.listed = new MutationObserver(() => this.#light(list));
      if (list) this.listed.observe(list, {childList: true, subtree: true, attributes: true, attributeFilter: ['data-token', 'data-marked']});
      if (list) this.#light(list);
    }

    disconnectedCallback() {
      for (const observer of [this.resized, this.themed, this.listed]) observer.disconnect();
    }

    async attributeChangedCallback(name, _old, value) {
      if (name === 'label') {
        this.canvas.setAttribute('aria-label', `${value} The arrow keys go from sound to sound, Enter plays, plus and minus zoom.`);
        return;
      }
      try {
        const answer = await fetch(value);
        if (!answer.ok || value !== this.getAttribute('src')) return;
        const told = await answer.json();
        this.categories = told.categories;
        this.points = told.points.map((row) => Object.fromEntries(row.map((part, i) => [POINT[i], part])));
        this.#meant = -1;
        this.#named();
      } catch { /* the next look at the library brings another address */ }
    }

    // Where a point is on the screen.
    place(number) {
      const box = this.canvas.getBoundingClientRect(), [x, y] = this.view.at(this.points[number]);
      return {x: box.left + x, y: box.top + y};
    }

    draw() {
      if (this.waits) return;
      this.waits = requestAnimationFrame(() => {
        this.waits = null;
        const heard = this.points.find((point) => point.token === this.heard);
        const scene = {points: this.points, lit: this.lit, counts: this.#counts, meant: this.points[this.#meant], heard, line: this.#line};
        window.paintMap(this.view, scene, window.mapColours(this));
      });
    }

    // The pointer is at a place, or no longer on the map.
    meant(place, within) {
      const over = place ? this.view.nearest(this.points, this.#counts, place, within) : -1;
      this.canvas.classList.toggle('over', over >= 0);
      if (over !== this.#meant) this.#mean(over);
    }

    // An arrow key; the first one finds the sound that was heard, or one in the middle.
    moved(key) {
      const {view} = this, from = this.#meant;
      let to = from < 0 ? this.points.findIndex((point) => point.token === this.heard) : view.next(this.points, this.#counts, view.at(this.points[from]), key);
      if (from < 0 && to < 0) to = view.nearest(this.points, this.#counts, [view.width / 2, view.height / 2], Infinity);
      if (to < 0) return;
      view.reveal(this.points[to]);
      this.#mean(to);
      const {name, category, seconds, caption} = this.points[to];
      this.said.textContent = `${name}. ${this.categories[category] || 'no category'}, ${seconds} seconds. ${caption}`;
    }

    // Where a zoom by keyboard goes to.
    focus() { return this.#meant >= 0 ? this.view.at(this.points[this.#meant]) : [this.view.width / 2, this.view.height / 2]; }

    drawing(line) {
      this.#line = line;
      this.draw();
    }

    // Hear the sound at a place or, without one, the one that is meant; once more, and it pauses.
    press(place, within) {
      const point = this.points[place ? this.view.nearest(this.points, this.#counts, place, within) : this.#meant];
      const shelf = document.querySelector('#library-heard .map-heard'), template = this.parentElement?.querySelector('template');
      if (!point || !shelf || !template) return;
      const card = shelf.querySelector('.card');
      if (!place && this.heard === point.token && card) { window.players.toggle(card); return; }
      this.heard = point.token;
      const told = {...point, category: this.categories[point.category] || 'no category', file: point.name + point.suffix, length: point.seconds.toFixed(1)};
      shelf.innerHTML = `<div class="cards">${template.innerHTML.replace(/\{(\w+)\}/g, (_, name) => escaped(told[name]))}</div>`;
      window.players.toggle(shelf.querySelector('.card'));
      this.draw();
    }

    choose(line) {
      const tokens = this.points.filter((point) => this.#counts(point) && inside(...this.view.at(point), line)).map((point) => point.token);
      const told = this.parentElement?.querySelector('[data-act=choose]');
      if (!tokens.length || !told) return;
      this.lit = new Set(tokens);
      told.dataset.tokens = JSON.stringify(tokens);
      told.click();
    }

    #seen() {
      this.hands.settle();
      for (const mode of this.modes) {
        mode.setAttribute('aria-pressed', String(mode.dataset.mode === this.hands.mode));
        mode.disabled = mode.dataset.mode === 'move' && this.hands.still;
      }
      this.#tell();
      this.draw();
    }

    #mean(point) {
      this.#meant = point;
      this.#tell();
      this.draw();
    }

    #tell() {
      const point = this.points[this.#meant];
      this.tip.hidden = !point;
      if (!point) return;
      const [x, y] = this.view.at(point), {width, height} = this.view;
      const facts = element('small', {textContent: `${this.categories[point.category] || 'no category'} · ${point.seconds} s`});
      this.tip.replaceChildren(element('b', {textContent: point.name}), element('span', {textContent: point.caption}), facts);
      this.tip.style.cssText = `${x > width / 2 ? `right:${width - x + 12}px` : `left:${x + 12}px`};${y > height / 2 ? `bottom:${height - y + 12}px` : `top:${y + 12}px`}`;
    }

    #light(list) {
      const marked = list.querySelector('[data-marked]'), all = marked?.querySelector('[data-tokens]')?.dataset.tokens;
      const tokens = all ? JSON.parse(all) : marked ? [...marked.querySelectorAll('.card[data-token]')].map((card) => card.dataset.token) : [];
      this.lit = new Set(tokens);
      this.draw();
    }

    #named() {
      const {dots} = window.mapColours(this), counts = new Array(this.categories.length).fill(0);
      for (const point of this.points) counts[point.category]++;
      if (this.only >= Math.min(this.categories.length, dots.length)) this.only = null;
      this.legend.replaceChildren(...this.categories.slice(0, dots.length).map((name, i) => {
        const made = element('button', {type: 'button', textContent: name || 'no category', title: `${counts[i]} sounds`});
        made.style.setProperty('--dot', dots[i]);
        made.setAttribute('aria-pressed', String(this.only === i));
        made.addEventListener('click', () => { this.only = this.only === i ? null : i; this.#named(); });
        return made;
      }));
      this.#seen();
    }
  }

  customElements.define('sound-map', SoundMap);
})();
