// Hands on the map: a click means a sound; a drag moves what is seen or draws a line around some sounds; wheel and pinch zoom; the same by keyboard.
(() => {
  const NEAR = {mouse: 12, touch: 22, pen: 16}; // pixels from a point that still mean it
  const DRAG = 5, PAUSE_MS = 250, CLOSER = 1.6;
  const TOUCH = matchMedia('(pointer: coarse)');
  let scrolled = -Infinity; // when the page was last scrolled: a wheel that passes the map on its way is the page's
  document.addEventListener('wheel', (event) => { if (!event.defaultPrevented) scrolled = event.timeStamp; }, {passive: true});

  // map: meant(place, pointer), moved(key), press(index or null), choose(line), drawing(line or null)
  window.MapHands = class {
    #down = new Map(); // pointers on the map
    #kind = null; // of the drag: move or lasso
    #line = null;
    #wish = null; // the mode that was pressed
    #turned = -Infinity;

    constructor(view, map) {
      this.view = view;
      this.map = map;
      const {canvas} = view, hear = (name, react, how) => canvas.addEventListener(name, (event) => react.call(this, event, this.#spot(event)), how);
      hear('pointerdown', this.#pressed);
      hear('pointermove', this.#moved);
      hear('pointerup', this.#lifted);
      hear('pointercancel', this.#lifted);
      hear('pointerleave', () => this.map.meant(null));
      hear('wheel', this.#wheeled, {passive: false});
      hear('dblclick', () => view.zoomAt(0));
      hear('touchstart', (event) => { if (event.touches.length > 1) event.preventDefault(); }, {passive: false}); // two fingers are the map's
      hear('keydown', this.#keyed);
    }

    // What a drag does. By mouse a line on the whole map, where there is nothing to move; by finger the page scrolls past the whole map.
    get mode() { return this.view.whole && !TOUCH.matches ? 'lasso' : this.#wish ?? 'move'; }
    set mode(wish) { this.#wish = wish; this.settle(); }
    get still() { return this.view.whole && !TOUCH.matches; }

    settle() {
      if (this.still) this.#wish = null;
      const {canvas} = this.view;
      canvas.dataset.mode = this.mode;
      canvas.style.touchAction = this.mode === 'move' && this.view.whole ? 'pan-y' : 'none';
    }

    #spot(event) {
      const box = this.view.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }

    #pressed(event, here) {
      if (event.button) return;
      this.view.canvas.setPointerCapture(event.pointerId);
      this.#down.set(event.pointerId, here);
      this.pinched = this.#down.size > 1;
      this.#kind = this.#line = null;
      this.from = here;
      this.lasso = event.shiftKey || this.mode === 'lasso';
      this.map.drawing(null);
    }

    #moved(event, here) {
      if (!this.#down.size) return this.map.meant(event.pointerType === 'touch' ? null : here, NEAR.mouse);
      const before = this.#down.get(event.pointerId);
      if (!before) return undefined;
      if (this.#down.size > 1) return this.#pinch(event.pointerId, here);
      if (this.pinched) return undefined;
      if (!this.#kind && Math.hypot(here[0] - this.from[0], here[1] - this.from[1]) > DRAG) {
        this.#kind = this.lasso ? 'lasso' : 'move';
        this.#line = this.lasso ? [this.from] : null;
        this.map.meant(null);
      }
      if (this.#kind === 'move') this.view.moveBy(here[0] - before[0], here[1] - before[1]);
      if (this.#kind) this.#down.set(event.pointerId, here);
      if (this.#line) { this.#line.push(here); this.map.drawing(this.#line); }
      return undefined;
    }

    #lifted(event, here) {
      if (!this.#down.delete(event.pointerId)) return;
      const line = this.#line, kind = this.#kind;
      this.#line = this.#kind = null;
      this.map.drawing(null);
      if (event.type === 'pointerup' && !this.pinched) {
        if (line) this.map.choose(line);
        else if (!kind) this.map.press(here, NEAR[event.pointerType] ?? NEAR.mouse);
      }
      if (!this.#down.size) this.pinched = false;
    }

    #pinch(id, here) {
      const before = [...this.#down.values()].slice(0, 2);
      this.#down.set(id, here);
      const after = [...this.#down.values()].slice(0, 2);
      const apart = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1, middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
      const [x, y] = middle(after), [fromX, fromY] = middle(before);
      this.view.moveBy(x - fromX, y - fromY);
      this.view.zoomAt(apart(after) / apart(before), x, y);
    }

    #wheeled(event, here) {
      const pinch = event.ctrlKey || event.metaKey, now = event.timeStamp;
      const turning = now - this.#turned < PAUSE_MS;
      if (!pinch && !turning && now - scrolled < PAUSE_MS) return;
      if (!pinch && !turning && (!event.deltaY || (this.view.whole && event.deltaY > 0))) return; // nothing to zoom: the page scrolls
      event.preventDefault();
      this.#turned = now;
      const pixels = Math.min(Math.max(event.deltaY * (event.deltaMode ? 30 : 1), -120), 120);
      this.view.zoomAt(Math.exp(-pixels / (pinch ? 100 : 300)), ...here);
    }

    #keyed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const {key} = event;
      if (key.startsWith('Arrow')) this.map.moved(key);
      else if (key === 'Enter' || key === ' ') this.map.press(null);
      else if (key === '+' || key === '=') this.view.zoomAt(CLOSER, ...this.map.focus());
      else if (key === '-') this.view.zoomAt(1 / CLOSER, ...this.map.focus());
      else if (key === '0') this.view.zoomAt(0);
      else return;
      event.preventDefault();
      event.stopPropagation(); // keys that mean something elsewhere on the page
    }
  };
})();
