// The map of the library: <sound-map src="..."> draws its points; a click plays one, a line drawn around some chooses them.
(() => {
  const NEAR = {mouse: 12, touch: 22, pen: 16}; // pixels from a point that still mean it
  const DRAG = 5, LARGEST = 40, COLOURS = 8, PAD = 18;
  const kept = {zoom: 1, x: 0, y: 0}; // survives another map in the place of this one

  const STYLE = `
    :host { display: block; position: relative; }
    .stage { position: relative; height: var(--map-height, 560px); border-radius: 14px; overflow: hidden; background: var(--well); border: 1px solid var(--edge); box-sizing: border-box; }
    canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; cursor: crosshair; display: block; }
    canvas.over { cursor: pointer; }
    .tip { position: absolute; max-width: 260px; pointer-events: none; background: var(--raised); color: var(--ink); border: 1px solid var(--edge); border-radius: 10px; padding: 6px 10px; font: 12.5px/1.4 inherit; font-family: inherit; box-shadow: var(--shade); }
    .tip[hidden] { display: none; }
    .tip b { display: block; font-weight: 620; overflow-wrap: anywhere; }
    .tip span { color: var(--soft); }
    .zoom { position: absolute; right: 10px; top: 10px; display: flex; flex-direction: column; gap: 4px; }
    button { font: inherit; color: var(--soft); cursor: pointer; }
    .zoom button { width: 32px; height: 32px; border-radius: 9px; border: 1px solid var(--edge); background: var(--raised); font-size: 16px; line-height: 1; padding: 0; }
    .legend { display: flex; flex-wrap: wrap; gap: 2px 4px; margin-top: 8px; font-size: 12px; }
    .legend button { border: 0; background: transparent; padding: 4px 8px; border-radius: 8px; min-height: 28px; max-width: 220px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .legend button::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; background: var(--dot); margin-right: 6px; }
    .legend button[aria-pressed=true] { background: var(--raised); color: var(--ink); box-shadow: 0 0 0 1px var(--edge); }
    .legend button:hover, .zoom button:hover { color: var(--ink); }
    button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }`;

  const inside = (x, y, line) => {
    let within = false;
    for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
      const [ax, ay] = line[i], [bx, by] = line[j];
      if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
    }
    return within;
  };

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  class SoundMap extends HTMLElement {
    static observedAttributes = ['src'];
    points = [];
    categories = [];
    lit = new Set(); // tokens of the sounds that the list holds
    only = null; // the category that the legend picked out
    #down = new Map(); // pointers on the map
    #line = null;
    #over = -1;

    constructor() {
      super();
      const root = this.attachShadow({mode: 'open'});
      this.canvas = element('canvas');
      this.tip = element('div', {className: 'tip', hidden: true});
      this.legend = element('div', {className: 'legend'});
      const zoom = (label, text, factor) => {
        const button = element('button', {type: 'button', textContent: text, title: label});
        button.setAttribute('aria-label', label);
        button.addEventListener('click', () => this.zoomAt(factor, this.canvas.clientWidth / 2, this.canvas.clientHeight / 2));
        return button;
      };
      const buttons = element('div', {className: 'zoom'}, zoom('Closer', '+', 1.6), zoom('Further', '−', 1 / 1.6), zoom('The whole map', '⤢', 0));
      root.append(element('style', {textContent: STYLE}), element('div', {className: 'stage'}, this.canvas, this.tip, buttons), this.legend);
      this.#listen();
    }

    connectedCallback() {
      this.resized = new ResizeObserver(() => this.draw());
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

    async attributeChangedCallback(_name, _old, src) {
      try {
        const answer = await fetch(src);
        if (!answer.ok || src !== this.getAttribute('src')) return;
        const told = await answer.json();
        this.categories = told.categories;
        this.points = told.points.map(([x, y, category, name, caption, token]) => ({x, y, category, name, caption, token}));
        this.#named();
      } catch { /* the next look at the library brings another address */ }
    }

    // Where a point is, in pixels of the canvas.
    at(point) {
      const width = this.canvas.clientWidth - 2 * PAD, height = this.canvas.clientHeight - 2 * PAD;
      return [PAD + (point.x * width - kept.x) * kept.zoom, PAD + (point.y * height - kept.y) * kept.zoom];
    }

    // Where a point is on the screen.
    place(number) {
      const box = this.canvas.getBoundingClientRect(), [x, y] = this.at(this.points[number]);
      return {x: box.left + x, y: box.top + y};
    }

    zoomAt(factor, x, y) {
      const zoom = factor ? Math.min(Math.max(kept.zoom * factor, 1), LARGEST) : 1;
      this.#move(zoom, kept.x + (x - PAD) * (1 / kept.zoom - 1 / zoom), kept.y + (y - PAD) * (1 / kept.zoom - 1 / zoom));
    }

    draw() {
      if (this.waits) return;
      this.waits = requestAnimationFrame(() => { this.waits = null; this.#paint(); });
    }

    #move(zoom, x, y) {
      const bound = (value, size) => Math.min(Math.max(value, 0), size * (1 - 1 / zoom));
      kept.zoom = zoom;
      kept.x = bound(x, this.canvas.clientWidth - 2 * PAD);
      kept.y = bound(y, this.canvas.clientHeight - 2 * PAD);
      this.draw();
    }

    #colours() {
      const style = getComputedStyle(this), named = (name) => style.getPropertyValue(name).trim();
      return {
        dots: Array.from({length: COLOURS}, (_, i) => named(`--map-${i + 1}`)), other: named('--map-other'), ink: named('--ink'), accent: named('--accent'),
        wash: named('--accent-wash'),
      };
    }

    #paint() {
      const {canvas} = this, scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
        canvas.width = Math.round(width * scale);
        canvas.height = Math.round(height * scale);
      }
      const pen = canvas.getContext('2d'), colours = this.#colours();
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.clearRect(0, 0, width, height);
      const size = Math.min(Math.max(90 / Math.sqrt(this.points.length || 1), 1.8), 5) * Math.min(Math.sqrt(kept.zoom), 2);
      const marked = this.lit.size > 0, groups = new Map();
      for (const point of this.points) {
        const faded = (marked && !this.lit.has(point.token)) || (this.only !== null && point.category !== this.only);
        const colour = point.category < COLOURS ? colours.dots[point.category] : colours.other, key = (faded ? '-' : '+') + colour;
        if (!groups.has(key)) groups.set(key, {colour, faded, points: []});
        groups.get(key).points.push(point);
      }
      for (const group of [...groups.values()].sort((a, b) => b.faded - a.faded)) {
        pen.globalAlpha = group.faded ? 0.22 : 0.9;
        pen.fillStyle = group.colour;
        pen.beginPath();
        for (const point of group.points) {
          const [x, y] = this.at(point), radius = marked && !group.faded ? size * 1.35 : size;
          if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
          pen.moveTo(x + radius, y);
          pen.arc(x, y, radius, 0, 7);
        }
        pen.fill();
      }
      pen.globalAlpha = 1;
      const ring = (point, colour) => {
        const [x, y] = this.at(point);
        pen.strokeStyle = colour;
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(x, y, size + 4, 0, 7);
        pen.stroke();
      };
      if (this.#over >= 0) ring(this.points[this.#over], colours.ink);
      const heard = this.points.find((point) => point.token === this.heard);
      if (heard) ring(heard, colours.accent);
      if (this.#line) {
        pen.beginPath();
        this.#line.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
        pen.closePath();
        pen.fillStyle = colours.wash;
        pen.fill();
        pen.strokeStyle = colours.accent;
        pen.lineWidth = 1.5;
        pen.stroke();
      }
    }

    #listen() {
      const {canvas} = this;
      const spot = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
      canvas.addEventListener('pointerdown', (event) => {
        if (event.button) return;
        canvas.setPointerCapture(event.pointerId);
        this.#down.set(event.pointerId, spot(event));
        this.#line = null;
        this.pinched = this.#down.size > 1;
        this.from = spot(event);
      });
      canvas.addEventListener('pointermove', (event) => {
        const here = spot(event);
        if (this.#down.size > 1 && this.#down.has(event.pointerId)) return this.#pinch(event.pointerId, here);
        if (!this.#down.size) return this.#hover(here, event.pointerType);
        if (this.pinched || !this.#down.has(event.pointerId)) return undefined;
        if (!this.#line && Math.hypot(here[0] - this.from[0], here[1] - this.from[1]) > DRAG) this.#line = [this.from];
        if (this.#line) { this.#line.push(here); this.#hover(null); this.draw(); }
        return undefined;
      });
      const up = (event) => {
        if (!this.#down.delete(event.pointerId)) return;
        const line = this.#line;
        this.#line = null;
        if (event.type === 'pointerup' && !this.pinched) { if (line) this.#choose(line); else this.#play(spot(event), event.pointerType); }
        if (!this.#down.size) this.pinched = false;
        this.draw();
      };
      canvas.addEventListener('pointerup', up);
      canvas.addEventListener('pointercancel', up);
      canvas.addEventListener('pointerleave', () => this.#hover(null));
      canvas.addEventListener('wheel', (event) => {
        if (event.ctrlKey || event.metaKey) { event.preventDefault(); this.zoomAt(Math.exp(-event.deltaY / 200), ...spot(event)); }
        else if (kept.zoom > 1) { event.preventDefault(); this.#move(kept.zoom, kept.x + event.deltaX / kept.zoom, kept.y + event.deltaY / kept.zoom); }
      }, {passive: false});
    }

    #pinch(id, here) {
      const before = [...this.#down.values()].slice(0, 2);
      this.#down.set(id, here);
      const after = [...this.#down.values()].slice(0, 2);
      const apart = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1, middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
      const [x, y] = middle(after), [fromX, fromY] = middle(before);
      this.#move(kept.zoom, kept.x - (x - fromX) / kept.zoom, kept.y - (y - fromY) / kept.zoom);
      this.zoomAt(apart(after) / apart(before), x, y);
    }

    #nearest([x, y], within) {
      let best = -1, least = within * within;
      this.points.forEach((point, i) => {
        if (this.only !== null && point.category !== this.only) return;
        const [px, py] = this.at(point), distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < least) { least = distance; best = i; }
      });
      return best;
    }

    #hover(here, kind) {
      const over = here && kind !== 'touch' ? this.#nearest(here, NEAR.mouse) : -1;
      this.canvas.classList.toggle('over', over >= 0);
      if (over === this.#over) return;
      this.#over = over;
      this.tip.hidden = over < 0;
      if (over >= 0) {
        const point = this.points[over], [x, y] = this.at(point), {clientWidth: width, clientHeight: height} = this.canvas;
        this.tip.replaceChildren(element('b', {textContent: point.name}), element('span', {textContent: point.caption}));
        this.tip.style.cssText = `${x > width / 2 ? `right:${width - x + 12}px` : `left:${x + 12}px`};${y > height / 2 ? `bottom:${height - y + 12}px` : `top:${y + 12}px`}`;
      }
      this.draw();
    }

    #play(here, kind) {
      const point = this.points[this.#nearest(here, NEAR[kind] ?? NEAR.mouse)];
      const place = document.querySelector('#library-heard .map-heard');
      if (!point || !place) return;
      this.heard = point.token;
      const play = element('button', {className: 'play'}), wave = element('div', {className: 'wave'}), stage = element('div', {className: 'stage'}, wave);
      play.setAttribute('data-play', '');
      play.setAttribute('aria-label', `Play ${point.name}`);
      stage.setAttribute('data-seek', '');
      wave.style.setProperty('--wave', `url('wave/${point.token}')`);
      const said = element('div', {className: 'about'}, element('div', {className: 'head'}, element('h3', {textContent: point.name})), stage);
      said.append(element('p', {className: 'caption', textContent: point.caption}));
      const card = element('article', {className: 'card sound'}, play, element('audio', {preload: 'none', src: `sound/${point.token}`}), said);
      place.replaceChildren(element('div', {className: 'cards'}, card));
      play.click();
      this.draw();
    }

    #choose(line) {
      const tokens = this.points
        .filter((point) => (this.only === null || point.category === this.only) && inside(...this.at(point), line))
        .map((point) => point.token);
      const button = this.parentElement?.querySelector('[data-act=choose]');
      if (!tokens.length || !button) return;
      this.lit = new Set(tokens);
      button.dataset.tokens = JSON.stringify(tokens);
      button.click();
    }

    #light(list) {
      const marked = list.querySelector('[data-marked]'), all = marked?.querySelector('[data-tokens]')?.dataset.tokens;
      const tokens = all ? JSON.parse(all) : marked ? [...marked.querySelectorAll('.card[data-token]')].map((card) => card.dataset.token) : [];
      this.lit = new Set(tokens);
      this.draw();
    }

    #named() {
      const colours = this.#colours(), counts = new Array(this.categories.length).fill(0);
      for (const point of this.points) counts[point.category]++;
      if (this.only >= Math.min(this.categories.length, COLOURS)) this.only = null;
      this.legend.replaceChildren(...this.categories.slice(0, COLOURS).map((name, i) => {
        const button = element('button', {type: 'button', textContent: name || 'no category', title: `${counts[i]} sounds`});
        button.style.setProperty('--dot', colours.dots[i]);
        button.setAttribute('aria-pressed', String(this.only === i));
        button.addEventListener('click', () => { this.only = this.only === i ? null : i; this.#named(); });
        return button;
      }));
      this.draw();
    }
  }

  customElements.define('sound-map', SoundMap);
})();
