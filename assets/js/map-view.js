// What part of the map is seen: where its points lie in pixels, which one is near, which one is next in a direction.
(() => {
  const LARGEST = 40, PAD = 18;
  const kept = {zoom: 1, x: 0, y: 0}; // survives another map in the place of this one
  const AWAY = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

  window.MapView = class {
    constructor(canvas, changed) {
      this.canvas = canvas;
      this.changed = changed;
    }

    get zoom() { return kept.zoom; }
    get whole() { return kept.zoom === 1; }
    get width() { return this.canvas.clientWidth; }
    get height() { return this.canvas.clientHeight; }

    // Where a point is, in pixels of the canvas.
    at(point) {
      return [PAD + (point.x * (this.width - 2 * PAD) - kept.x) * kept.zoom, PAD + (point.y * (this.height - 2 * PAD) - kept.y) * kept.zoom];
    }

    // Zoom by a factor, or to the whole map for 0; what lies at (x, y) stays there.
    zoomAt(factor, x = this.width / 2, y = this.height / 2) {
      const zoom = factor ? Math.min(Math.max(kept.zoom * factor, 1), LARGEST) : 1;
      this.#set(zoom, kept.x + (x - PAD) * (1 / kept.zoom - 1 / zoom), kept.y + (y - PAD) * (1 / kept.zoom - 1 / zoom));
    }

    // Move what is seen by so many pixels.
    moveBy(x, y) { this.#set(kept.zoom, kept.x - x / kept.zoom, kept.y - y / kept.zoom); }

    // Move a point into sight where it is out of it.
    reveal(point) {
      const [x, y] = this.at(point), inward = (value, size) => Math.min(Math.max(value, 2 * PAD), size - 2 * PAD) - value;
      this.moveBy(inward(x, this.width), inward(y, this.height));
    }

    // The index of the nearest of the points that count, -1 where none is so near.
    nearest(points, counts, [x, y], within) {
      let best = -1, least = within * within;
      points.forEach((point, i) => {
        if (!counts(point)) return;
        const [px, py] = this.at(point), distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < least) { least = distance; best = i; }
      });
      return best;
    }

    // The index of the next point from (x, y) in the direction of an arrow key, -1 for none; what lies aside counts as further away.
    next(points, counts, [x, y], key) {
      const [dx, dy] = AWAY[key];
      let best = -1, least = Infinity;
      points.forEach((point, i) => {
        if (!counts(point)) return;
        const [px, py] = this.at(point), along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
        if (along < 0.5) return;
        const distance = along + 2 * aside;
        if (distance < least) { least = distance; best = i; }
      });
      return best;
    }

    #set(zoom, x, y) {
      const bound = (value, size) => Math.min(Math.max(value, 0), size * (1 - 1 / zoom));
      kept.zoom = zoom;
      kept.x = bound(x, this.width - 2 * PAD);
      kept.y = bound(y, this.height - 2 * PAD);
      this.changed();
    }
  };
})();
